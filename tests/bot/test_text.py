"""Escaping, and every message known to the catalogue."""

import ast
from pathlib import Path

import pytest

import bot
from bot.text import LOCALES, language, mrkdwn, ngettext, plain, trim

SOURCES = sorted(Path(bot.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("<!channel>", "&lt;!channel&gt;"),
        ("A & B", "A &amp; B"),
        ("O'Neill", "O'Neill"),
        ("two\nlines", "two lines"),
        ("a\u202eb", "a b"),
    ],
)
def test_what_people_typed_is_data(typed: str, shown: str) -> None:
    assert mrkdwn(typed) == shown


def test_marks_do_not_format() -> None:
    assert "*Star*" not in mrkdwn("Pat *Star*")
    assert mrkdwn("Pat *Star*").replace("\u2060", "") == "Pat *Star*"


def test_right_to_left_names_do_not_turn_the_line_around() -> None:
    assert plain("נועה לוי") == "\u2068נועה לוי\u2069"


def test_cutting_is_marked() -> None:
    assert trim("abcdef", 4) == "abc…"
    assert len(plain("א" * 500, 75)) <= 75


def test_plural_forms() -> None:
    with language("xx-YY"):
        assert [ngettext("one", "many", count) for count in (1, 2)] == ["one", "many"]


def calls() -> list[tuple[Path, ast.Call]]:
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("_", "N_", "ngettext")
            ):
                found.append((path, node))
    return found


def test_messages_are_put_together_after_they_are_translated() -> None:
    assert calls()
    for path, node in calls():
        assert not any(isinstance(part, ast.JoinedStr) for part in ast.walk(node.args[0])), (
            f"{path}:{node.lineno} translates an f-string"
        )


def test_the_template_has_every_message() -> None:
    template = (LOCALES / "handover.pot").read_text(encoding="utf-8").replace('"\n"', "")
    for path, node in calls():
        if isinstance(node.args[0], ast.Constant):
            known = str(node.args[0].value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            assert f'"{known}"' in template, f"{path}:{node.lineno}: extract the messages again (docs/how-to)"
