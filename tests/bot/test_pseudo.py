"""No sentence is cut by Slack's limits: in a language that is two fifths longer than English, and in each of ours."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from babel.messages.catalog import Message

import bot.text
from bot.locales.completeness import faults
from bot.locales.extract import TRANSLATED
from bot.locales.limits import LIMITS
from bot.slack.messages.blocks import words
from config import text
from config.text import TranslatedText, _, language
from tests.bot.test_marking import faults_shown, forms_shown, messages_shown, texts
from tests.marking import CLOSE, OPEN, Data, PseudoCatalogue

SHORT = 30
"""Limit of the longest label that leaves no room for a longer language. Its translators are told the limit."""


@contextmanager
def trimmed(patch: pytest.MonkeyPatch) -> Iterator[set[tuple[str, int, str]]]:
    """Note every sentence that stands alone in a place with a limit: message, limit, words."""
    found: set[tuple[str, int, str]] = set()
    trim = bot.text.trim

    def see(said: str, limit: int) -> str:
        if isinstance(said, TranslatedText) and not any(OPEN in str(one) for one in said.sentence.values.values()):
            found.add((said.sentence.message, limit, str(said)))
        return trim(said, limit)

    with patch.context() as within:
        for module in list(sys.modules.values()):
            if getattr(module, "trim", None) is trim:
                within.setattr(module, "trim", see)
        yield found


def shown() -> list[Any]:
    return [*messages_shown(Data()), *forms_shown(Data()), *faults_shown()]


def test_no_sentence_is_cut_where_a_language_is_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels apart: their translations keep a limit, which is checked for each language."""
    monkeypatch.setattr(text, "_catalogue", lambda _locale: PseudoCatalogue())
    with trimmed(monkeypatch) as found:
        every = [one for message in shown() for one in texts(message)]
    assert len([one for one in every if OPEN in one]) > 1000
    assert sorted({(message, limit) for message, limit, said in found if len(said) > limit > SHORT}) == []
    labels = {message: limit for message, limit, _said in sorted(found, key=lambda one: -one[1]) if limit <= SHORT}
    assert labels == LIMITS, "bot/locales/limits.py has the labels that Slack cuts"


@pytest.mark.parametrize("code", TRANSLATED)
def test_no_translation_is_cut(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with trimmed(monkeypatch) as plain:
        shown()
    with language(code), trimmed(monkeypatch) as found:
        shown()
    long_in_english = {message for message, limit, said in plain if len(said) > limit}
    cut = {one for one in found if len(one[2]) > one[1] and one[0] not in long_in_english}
    assert sorted(f"{limit}: {said}" for _message, limit, said in cut) == []


def test_a_label_that_is_too_long_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_catalogue", lambda _locale: PseudoCatalogue())
    with trimmed(monkeypatch) as found:
        words(_("Cancel Offboarding"), 24)
    assert found == {("Cancel Offboarding", 24, f"{OPEN}Çáñçél Óffbóárdíñg········{CLOSE}")}
    assert list(faults("pl", Message("Cancel Offboarding", "Odwołaj zwolnienie pracownika"), 3)) == [
        "has 29 characters, and Slack shows 24"
    ]
