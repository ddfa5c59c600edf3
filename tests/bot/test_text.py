"""Escaping, stored sentences, and every message known to the template."""

import ast
import json
import pickle
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.locales.extract import KEYWORDS, ROOMS, ROOT, TEMPLATE, extract, is_current, read
from bot.text import _, day, language, moment, mrkdwn, ngettext, plain, trim
from config.text import Sentence, gettext_lazy, join, joined, loaded, ngettext_lazy, shown, stored
from tests.marking import MARKING, use_marking_catalogue
from tests.marking import marked as marked_message


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


def calls() -> list[tuple[Path, ast.Call]]:
    """Return every call that marks or translates a message."""
    marks = {word.partition(":")[0] for word in KEYWORDS}
    return [
        (path, node)
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in marks
    ]


def test_messages_are_put_together_after_they_are_translated() -> None:
    found = calls()
    assert len(found) > 1000
    for path, node in found:
        assert not any(isinstance(part, ast.JoinedStr) for part in ast.walk(node.args[0])), (
            f"{path}:{node.lineno} translates an f-string"
        )


def test_the_template_has_every_sentence_that_is_translated() -> None:
    """Babel reads no call inside an f-string, so a sentence there is English in every language."""
    known = {one for message in read(TEMPLATE) for one in (message.id if message.pluralizable else (message.id,))}
    said = [(path, node.lineno, node.args[0].value) for path, node in calls() if isinstance(node.args[0], ast.Constant)]
    assert [one for one in said if one[2] and one[2] not in known] == []


def test_the_template_is_up_to_date(tmp_path: Path) -> None:
    assert is_current(), "run ./dev messages"
    old = tmp_path / TEMPLATE.name
    old.write_bytes(TEMPLATE.read_bytes().replace(b"cannot offboard yourself", b"cannot offboard oneself"))
    assert not is_current(old)


def test_the_template_has_places_plurals_lazy_messages_and_the_help_of_commands(tmp_path: Path) -> None:
    extract(tmp_path / "made.pot")
    text = (tmp_path / "made.pot").read_text(encoding="utf-8")
    assert '#: workflows/refusals.py\nmsgid "There is no such case."' in text
    assert 'msgid "{count:,} record in all"\nmsgid_plural "{count:,} records in all"' in text
    assert 'msgid "this system no longer has a client book"' in text
    assert 'msgid "Check systems, Slack, clock, storage, keys and this machine."' in text


STORED = [
    gettext_lazy("{name} has it now", name="{0} __class__"),
    gettext_lazy("{system}: {why}", system="crm", why=gettext_lazy("gone")),
    ngettext_lazy("{count:,} record", "{count:,} records", 1234),
    joined("; ", [gettext_lazy("a"), ngettext_lazy("{count} b", "{count} bs", 1)]),
    joined("; ", [gettext_lazy("alone")]),
]


@pytest.mark.parametrize("sentence", STORED, ids=str)
def test_a_stored_sentence_is_read_as_it_was_said(sentence: Sentence) -> None:
    assert shown(sentence.stored) == str(sentence)
    assert loaded(sentence.stored) == sentence


@pytest.mark.parametrize("words", ["", "no message of ours", "100 %", "{name}", "Zażółć"])
def test_what_is_no_sentence_of_ours_is_shown_as_it_is(words: str) -> None:
    assert shown(words) == words


def test_a_sentence_is_in_the_language_of_who_reads_it_and_english_for_the_journal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use_marking_catalogue(monkeypatch)
    stored = gettext_lazy("{system}: {why}", system="crm", why=gettext_lazy("gone")).stored
    with language(MARKING):
        assert shown(stored) == f"crm: {marked_message('gone')}"
        assert loaded(stored).english == "crm: gone"
        assert shown("gone") == marked_message("gone") != "gone"
        assert shown("") == ""
    assert shown(stored) == "crm: gone"


@pytest.mark.parametrize(
    ("locale", "when", "on"),
    [
        ("en", "{date_short_pretty} at {time}", "{date_short_pretty}"),
        ("pl-PL", "{date_num} o {time}", "{date_num}"),
        ("ru", "{date_num} в {time}", "{date_num}"),
        ("zh_Hans", "{date_short_pretty} · {time}", "{date_short_pretty}"),
    ],
)
def test_slacks_own_words_for_a_date_stand_in_no_language_that_slack_does_not_offer(
    locale: str, when: str, on: str
) -> None:
    at = datetime(2026, 11, 30, 16, 30, tzinfo=UTC)
    with language(locale):
        assert moment(at).partition("^")[2].split("^")[1].split("|")[0] == when
        assert day(at).partition("^")[2].split("^")[1].split("|")[0] == on


def test_the_plural_is_that_of_the_reader() -> None:
    assert [str(ngettext_lazy("{count} one", "{count} many", count)) for count in (1, 2)] == ["1 one", "2 many"]


def test_words_that_were_shown_can_be_stored_and_read_in_another_language(monkeypatch: pytest.MonkeyPatch) -> None:
    use_marking_catalogue(monkeypatch)
    why = _("changed since then")
    said = join("; ", [_("user {name}: {why}").format(name="x1", why=why), "", "SOMEBODY ELSE'S", why])
    assert said == "user x1: changed since then; SOMEBODY ELSE'S; changed since then"
    kept = json.loads(json.dumps(stored(said)))
    assert shown(kept) == said
    with language(MARKING):
        parts = [marked_message("user {name}: {why}").format(name="x1", why=marked_message(why)), "SOMEBODY ELSE'S"]
        assert shown(kept) == "; ".join([*parts, marked_message(why)])
        assert shown(stored(_("gone"))) == marked_message("gone")
    assert stored("as it is") == "as it is"
    assert shown(stored(join("; ", []))) == ""
    assert shown(stored(ngettext("{count} one", "{count} many", 2).format(count=2))) == "2 many"
    assert pickle.loads(pickle.dumps(said)) == said
