"""Escaping, and every message known to the catalogue."""

import ast

import pytest

from bot.locales.extract import TEMPLATE, calls, template
from bot.text import language, mrkdwn, ngettext, plain, trim


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
    shown = mrkdwn("Pat *Star* _a b_ ~c~ `d` ```e``` :x: *")
    assert not set(shown) & set("*_~`")
    assert "\ua789x:" in shown
    assert shown.startswith("Pat \u2217Star\u2217 \u02cda b\u02cd \u223cc\u223c \u02cbd\u02cb ")
    assert shown.isprintable(), "an invisible character beside a mark makes Slack format rather than not"


@pytest.mark.parametrize("typed", ["dana_oneill", "a_b_c", "16:41:00", "at 9: one", "crm: no answer", "李_伟"])
def test_what_formats_nothing_stays_as_it_was_typed(typed: str) -> None:
    assert mrkdwn(typed) == typed


def test_right_to_left_names_do_not_turn_the_line_around() -> None:
    assert plain("נועה לוי") == "\u2068נועה לוי\u2069"


def test_cutting_is_marked() -> None:
    assert trim("abcdef", 4) == "abc…"
    assert len(plain("א" * 500, 75)) <= 75


def test_plural_forms() -> None:
    with language("xx-YY"):
        assert [ngettext("one", "many", count) for count in (1, 2)] == ["one", "many"]


def test_messages_are_put_together_after_they_are_translated() -> None:
    found = list(calls())
    assert found
    for path, node in found:
        assert not any(isinstance(part, ast.JoinedStr) for part in ast.walk(node.args[0])), (
            f"{path}:{node.lineno} translates an f-string"
        )


def test_the_template_has_every_message() -> None:
    written = TEMPLATE.read_text(encoding="utf-8")
    assert written == template(), "run `python -m bot.locales.extract`"
