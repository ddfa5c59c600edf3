"""Catalogues: which one a locale gets, what the check of translations finds, and how new messages come in."""

import ast
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message

from bot.cli import language as command
from bot.cli.output import CommandError
from bot.locales import completeness, extract, review
from config import languages
from config.languages import LANGUAGES, catalogue, language_of
from config.text import _, language, ngettext

PO = r"""
msgid ""
msgstr "Language: pl\nContent-Type: text/plain; charset=utf-8\n"

msgid "gone"
msgstr "nie ma"

msgid "here"
msgstr ""

#, fuzzy
msgid "{count} left"
msgid_plural "{count} are left"
msgstr[0] "został {count}"
msgstr[1] "zostały {count}"
msgstr[2] "zostało {count}"

msgid "{count} more"
msgid_plural "{count} others"
msgstr[0] "jeszcze {count}"
msgstr[1] "jeszcze {count} inne"
msgstr[2] "jeszcze {count} innych"
"""


@pytest.fixture
def polish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue of a few sentences in place of the real one."""
    monkeypatch.setattr(languages, "LOCALES", tmp_path)
    path = languages.catalogue_path("pl")
    path.parent.mkdir(parents=True)
    path.write_text(PO, encoding="utf-8")
    catalogue.cache_clear()
    return path


@pytest.fixture(autouse=True)
def _anew() -> None:
    catalogue.cache_clear()


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        *(
            ("en-US", "en"),
            ("en_GB.UTF-8", "en"),
            ("pl-PL", "pl"),
            ("pl", "pl"),
            ("ru_RU.UTF-8", "ru"),
            ("ru-RU", "ru"),
        ),
        *(("zh-CN", "zh_Hans"), ("zh", "zh_Hans"), ("zh_SG", "zh_Hans"), ("zh_Hans_CN", "zh_Hans")),
        *(("zh-TW", "zh_Hant"), ("zh-HK", "zh_Hant"), ("zh_Hant", "zh_Hant"), ("zh_MO.Big5", "zh_Hant")),
        *(("de-DE", ""), ("C.UTF-8", ""), ("POSIX", ""), ("", ""), ("prs", ""), ("../pl", "")),
    ],
)
def test_a_locale_has_a_language_of_ours_or_none(locale: str, expected: str) -> None:
    assert language_of(locale) == expected


def test_a_sentence_without_a_translation_is_english_and_a_plural_has_the_forms_of_its_language(polish: Path) -> None:
    with language("pl-PL"):
        assert _("gone") == "nie ma"
        assert _("here") == "here"
        said = [ngettext("{count} more", "{count} others", count) for count in (1, 2, 5, 12, 22)]
    assert said == [f"jeszcze {{count}}{end}" for end in ("", " inne", " innych", " innych", " inne")]
    with language("de-DE"):
        assert _("gone") == "gone"


def test_every_language_has_a_catalogue_with_its_plural_forms() -> None:
    for code in extract.TRANSLATED:
        made = extract.read(languages.catalogue_path(code), code)
        assert len(made) > 2000
        assert made.num_plurals == {"pl": 3, "ru": 3}.get(code, 1)
    assert set(extract.TRANSLATED) == set(LANGUAGES) - {"en"} == {"pl", "ru", "zh_Hans", "zh_Hant"}


def test_new_messages_come_in_untranslated_and_unused_ones_go(polish: Path, tmp_path: Path) -> None:
    template = tmp_path / "made.pot"
    template.write_text('msgid "gone"\nmsgstr ""\n\nmsgid "gone now"\nmsgstr ""\n', encoding="utf-8")
    polish.write_bytes(extract.updated("pl", template))
    made = extract.read(polish, "pl")
    assert {message.id: message.string for message in made if message.id} == {"gone": "nie ma", "gone now": ""}
    assert not any(message.fuzzy for message in made if message.id)
    assert polish.read_bytes() == extract.updated("pl", template)
    assert "nplurals=3" in polish.read_text(encoding="utf-8")


COUNTED = ("{count:,} client", "{count:,} clients")


@pytest.mark.parametrize(
    ("code", "english", "translated", "fault"),
    [
        ("pl", "gone", "", ""),
        ("pl", COUNTED, ("{count:,} klient", "{count:,} klienci"), ""),
        ("pl", COUNTED, ("{count:,} klient", "", "{count:,} klientów"), ""),
        ("pl", "of {name}", "od", "lacks {name}"),
        ("pl", "of {name}", "od {nazwa}", "lacks {name}"),
        ("pl", "of", "od {name}", "has {name}, which"),
        ("pl", COUNTED, ("{count:,} klient", "{count} klienci", "{count:,} klientów"), "lacks {count:,}"),
        ("ru", ("a client", "{count} clients"), ("клиент", "{count} клиента", "{count} клиентов"), "lacks {count}"),
        ("pl", "type `/offboard list`", "wpisz `/offboard lista`", "has other code"),
        ("pl", "*Clients*", "Klienci", "has other marks"),
        ("pl", "one\ntwo", "jeden dwa", "has other marks"),
        ("pl", "<@{user}>: no", "{user}: nie <@{user}", "has other marks"),
        ("pl", " and more", "i więcej", "begins or ends"),
        ("zh_Hans", "press *Retry* now", "请按*重试*按钮", "has a letter"),
        ("zh_Hans", "press *Retry* now", "请按 *重试*{name}", "has {name}"),
    ],
)
def test_what_is_missing_or_wrong_in_a_translation_is_found(
    code: str, english: str | tuple[str, str], translated: str | tuple[str, ...], fault: str
) -> None:
    found = list(completeness.faults(code, Message(english, translated), {"pl": 3, "ru": 3}.get(code, 1)))
    assert found
    assert found[0].startswith(fault)
    assert bool(fault) == bool(found[0])


@pytest.mark.parametrize(
    ("code", "english", "translated"),
    [
        ("pl", ("a client", "{count} clients"), ("klient", "{count} klienci", "{count} klientów")),
        ("ru", COUNTED, ("{count:,} клиент", "{count:,} клиента", "{count:,} клиентов")),
        ("zh_Hans", COUNTED, ("{count:,} 位客户",)),
        ("zh_Hans", " and more", "等"),
        ("zh_Hans", "press *Retry* in `{command}`", "在 `{command}` 中按 *重试*。"),
        ("pl", "{a} of {b}", "{b}: {a}"),
    ],
)
def test_a_right_translation_has_no_fault(
    code: str, english: str | tuple[str, str], translated: str | tuple[str, ...]
) -> None:
    assert list(completeness.faults(code, Message(english, translated), {"pl": 3, "ru": 3}.get(code, 1))) == []


def test_a_report_counts_what_is_missing_and_names_what_is_fuzzy(polish: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completeness, "ROOT", polish.parents[2])
    assert completeness.report("pl") == [
        "pl/LC_MESSAGES/handover.po: 1 of 4 sentences are not translated",
        "pl/LC_MESSAGES/handover.po: '{count} left' is fuzzy",
    ]


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, "en"),
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "ru_RU.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "C", "LC_MESSAGES": "zh_TW"}, "zh_Hant"),
        ({"LANG": "ru_RU.UTF-8", "HANDOVER_LANGUAGE": "pl"}, "pl"),
        ({"LANG": "ru_RU.UTF-8", "HANDOVER_LANGUAGE": "xx"}, "ru"),
    ],
)
def test_a_terminal_speaks_as_told_or_as_its_locale(env: dict[str, str], expected: str, tmp_path: Path) -> None:
    assert languages.terminal_language({"HOME": str(tmp_path), **env}) == expected


def test_a_choice_at_the_terminal_is_kept_for_the_log_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "HANDOVER_LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("LANG", "ru_RU.UTF-8")
    command.language("zh_Hant")
    assert "→ zh_Hant" in capsys.readouterr().out
    command.language()
    shown = capsys.readouterr().out
    assert "→ zh_Hant" in shown
    assert [code for code in LANGUAGES if code not in shown] == []
    command.language(reset=True)
    assert "→ ru" in capsys.readouterr().out
    with pytest.raises(CommandError, match=r"'xx' is not a language"):
        command.language("xx")


def test_who_signed_the_sentences_is_in_the_catalogue_and_stays(polish: Path, tmp_path: Path) -> None:
    assert languages.reviewer("pl") == ""
    text = polish.read_text(encoding="utf-8").replace(
        r'msgstr "Language: pl\n', 'msgstr ""\n"X-Reviewed-By: Ola Nowak, 2026-12-01\\n"\n' + r'"Language: pl\n'
    )
    polish.write_text(text, encoding="utf-8")
    assert languages.reviewer("pl") == "Ola Nowak, 2026-12-01"
    template = tmp_path / "made.pot"
    template.write_text('msgid "gone"\nmsgstr ""\n', encoding="utf-8")
    polish.write_bytes(extract.updated("pl", template))
    assert languages.reviewer("pl") == "Ola Nowak, 2026-12-01"


def test_a_reviewer_gets_every_sentence_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert review.main(["pl"]) == 0
    shown = capsys.readouterr().out
    assert "Read by: nobody yet" in shown
    assert "## bot/slack/messages/language.py" in shown
    made = extract.read(languages.catalogue_path("pl"), "pl")
    assert shown.count("| |\n") == len([message for message in made if message.id])
    assert "*(at most 24 characters)*" in shown
    assert review.main(["xx"]) == 2
    assert "pl|ru|zh_Hans|zh_Hant" in capsys.readouterr().err


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_pages_for_hr_and_managers_name_buttons_as_they_are_and_say_who_reviewed_them(code: str) -> None:
    catalogue_ = extract.read(extract.TEMPLATE if code == "en" else languages.catalogue_path(code), code)
    known = {
        re.sub(r"\{count:,\}", "12", form)
        for message in catalogue_
        for form in completeness.forms(message.id if code == "en" else message.string)
    }
    for page in ("for-hr.md", "for-managers.md"):
        text = (extract.ROOT / "docs" / code / page).read_text(encoding="utf-8")
        buttons = re.findall(r"\*\*(.+?)\*\*", text)
        assert len(buttons) >= 8
        assert set(buttons) - known == set()
        shape = [line[:2] for line in text.splitlines() if line.startswith(("#", "| **"))]
        english = (extract.ROOT / "docs" / "en" / page).read_text(encoding="utf-8")
        assert shape == [line[:2] for line in english.splitlines() if line.startswith(("#", "| **"))]
        assert ("\n> " in text) == (not languages.reviewer(code)), "the page says whether a native reader signed"


def test_no_sentence_stands_inside_an_f_string_where_babel_does_not_read_it() -> None:
    hidden = [
        f"{path.relative_to(extract.ROOT)}:{call.lineno}"
        for room in extract.ROOMS
        for path in (extract.ROOT / room).rglob("*.py")
        for text in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in {"_", "N_", "ngettext"}
        if isinstance(call.args[0], ast.Constant) and re.search("[a-z]", str(call.args[0].value))
    ]
    assert hidden == []
