"""A catalogue that marks every message: text in plain letters went through no catalogue.

Each letter of a message is written full-width (`ａｂｃ`), and placeholders are kept. So the words of a value can be
separated from those of the message around it. Data of the samples is written full-width as well.
"""

import gettext
import html
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from string import ascii_letters
from types import ModuleType
from typing import Any

import pytest

from config import languages, text

MARKING = "xx"
"""The language in which every message is as in English, in full-width letters."""
FULL_WIDTH = str.maketrans({letter: chr(ord(letter) + 0xFEE0) for letter in ascii_letters})
PLACEHOLDER = re.compile(r"(\{[^{}]*\})")
SLACKS = re.compile(r"<!date[^>]*>|<[@#!][^>]*>|:[a-z_]+:")
WORD = re.compile(r"[A-Za-z]{2,}")


def marked(message: str) -> str:
    """Return a message in full-width letters, except its placeholders."""
    parts = PLACEHOLDER.split(message)
    return "".join(part if PLACEHOLDER.fullmatch(part) else part.translate(FULL_WIDTH) for part in parts)


class MarkingCatalogue(gettext.NullTranslations):
    """Marks every message."""

    def gettext(self, message: str) -> str:
        return marked(message)

    def ngettext(self, one: str, many: str, count: int) -> str:
        return marked(one if count == 1 else many)


def use_marking_catalogue(patch: pytest.MonkeyPatch) -> None:
    """Add the language to those that there are."""
    plain = text._catalogue
    patch.setattr(text, "_catalogue", lambda locale: MarkingCatalogue() if locale == MARKING else plain(locale))


def mark_everything(patch: pytest.MonkeyPatch) -> None:
    """Set the language in every thread."""
    patch.setattr(text, "_catalogue", lambda _locale: MarkingCatalogue())


class Data:
    """Data of samples that stays in plain letters, because programs compare it."""

    def __init__(self, *, words: Iterable[str] = (), keep: Iterable[str] = ()) -> None:
        """`keep`: texts of several words that programs go by, such as kinds of findings; shown, they are a fault."""
        self.words, self.keep = set(words), frozenset(keep)

    def marked(self, value: Any) -> Any:  # noqa: PLR0911 - one for each type
        """Return a sample with its texts in full-width letters; ids and other single words are noted instead."""
        if isinstance(value, Enum) or (isinstance(value, str) and value in self.keep):
            return value
        if isinstance(value, str):
            if " " not in value:
                self.words.update(WORD.findall(value))
                return value
            return value.translate(FULL_WIDTH)
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{one.name: self.marked(getattr(value, one.name)) for one in fields(value)})
        if isinstance(value, Mapping):
            return {self.marked(key): self.marked(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.marked(inner) for inner in value)
        return value

    def mark_samples(self, patch: pytest.MonkeyPatch, samples: ModuleType) -> None:
        """Make every function of the samples give marked data."""
        for name, made in vars(samples).copy().items():
            if callable(made) and getattr(made, "__module__", "") == samples.__name__:
                patch.setattr(samples, name, self._marking(made))

    def _marking(self, made: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **kwargs: self.marked(made(*args, **kwargs))

    def left(self, shown: str) -> list[str]:
        """Return the plain words of a text that are neither data nor Slack's own markup."""
        return [word for word in WORD.findall(html.unescape(SLACKS.sub(" ", shown))) if word not in self.words]


class TaggingCatalogue(gettext.NullTranslations):
    """Every message as in English, after the code of its language."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self.language = language

    def gettext(self, message: str) -> str:
        return f"[{self.language}] {message}"

    def ngettext(self, one: str, many: str, count: int) -> str:
        return self.gettext(one if count == 1 else many)


def tag_languages(patch: pytest.MonkeyPatch) -> None:
    """Make every language but English say its code before each message."""
    patch.setattr(
        text,
        "_catalogue",
        lambda locale: (
            gettext.NullTranslations() if languages.language_of(locale) in ("", "en") else TaggingCatalogue(locale)
        ),
    )


LONGER = 0.4
ACCENTS = str.maketrans("aceinosuyzACEINOSUYZ", "áçéíñóšúýžÁÇÉÍÑÓŠÚÝŽ")
OPEN, CLOSE = "⟦", "⟧"


class PseudoCatalogue(gettext.NullTranslations):
    """Every message as in English with accents, two fifths longer, in brackets: what is cut lacks the last one."""

    def gettext(self, message: str) -> str:
        parts = PLACEHOLDER.split(message)
        words = "".join(part if PLACEHOLDER.fullmatch(part) else part.translate(ACCENTS) for part in parts)
        return f"{OPEN}{words}{'·' * math.ceil(LONGER * len(PLACEHOLDER.sub('', message)))}{CLOSE}"

    def ngettext(self, one: str, many: str, count: int) -> str:
        return self.gettext(one if count == 1 else many)
