"""A catalogue that marks every message: what stands outside of all marks went through no catalogue."""

import gettext
from collections.abc import Mapping

import pytest

from config import text

MARKING = "xx"
"""The language in which every message is as in English, between marks."""
OPENS, CLOSES = "\u00ab", "\u00bb"


class MarkingCatalogue(gettext.NullTranslations):
    """Puts marks around every message; placeholders stay, so that a value's own marks stand inside."""

    def gettext(self, message: str) -> str:
        return f"{OPENS}{message}{CLOSES}"

    def ngettext(self, one: str, many: str, count: int) -> str:
        return self.gettext(one if count == 1 else many)


def use_marking_catalogue(patch: pytest.MonkeyPatch) -> None:
    """Add the language to those that there are."""
    plain = text._catalogue
    patch.setattr(text, "_catalogue", lambda locale: MarkingCatalogue() if locale == MARKING else plain(locale))


def unmarked(words: str, values: Mapping[str, str] | None = None) -> str:
    """Return what stands outside of every mark."""
    depth, left = 0, ""
    for letter in words:
        depth += (letter == OPENS) - (letter == CLOSES)
        left += letter if depth == 0 and letter not in OPENS + CLOSES else " " if depth == 1 else ""
    return " ".join(left.split())
