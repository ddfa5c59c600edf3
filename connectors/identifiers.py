"""Comparison of log-ins and addresses: what is equal, and what only looks so."""

import unicodedata
from collections.abc import Iterable


def key(text: str) -> str:
    """Return the form in which equal log-ins and addresses are equal: only the case of ASCII letters is ignored."""
    if text.isascii():
        return text.strip().lower()
    return "".join(one.lower() if one.isascii() else one for one in text.strip())


def folded(text: str) -> str:
    """Return a text without what Unicode folds and without invisible characters: `ß` is `ss`, a Kelvin sign is `k`.

    `mailto:` and a dot at the end are left out, too. Texts that are equal only in this form are candidates, and no
    match.
    """
    return _plain(text).removeprefix("mailto:").rstrip(".")


def _plain(text: str) -> str:
    if text.isascii():
        return text.strip().lower()
    shown = "".join(one for one in text if unicodedata.category(one) != "Cf").strip()
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", shown).casefold())
    return plain.replace("\N{LATIN SMALL LETTER DOTLESS I}", "i").replace("i\N{COMBINING DOT ABOVE}", "i")


def folded_all(values: Iterable[str]) -> frozenset[str]:
    """Return the folded forms of all values that hold text."""
    return frozenset(folded(value) for value in values if value.strip())


def resembles(values: Iterable[str], among: frozenset[str]) -> bool:
    """Return whether one of `values` is among others, all of them folded."""
    return any(value and folded(value) in among for value in values)
