"""Reasons why records stay with the leaver, in the vendor's words, counted. Sealed, because words may name people."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from config.text import N_, _, shown
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import BookHandover
from workflows.storage.vault import Vault

MOST = 20
"""The most different sentences of one kind; further ones are counted together, so that memory stays bounded."""
TOLD = 3
"""The most sentences that people are shown at once."""
OTHER = N_("other reasons")
Reasons = Mapping[str, Mapping[str, int]]
"""`{kind: {stored sentence: records}}`."""


@dataclass(frozen=True, slots=True)
class UnmovedReasons:
    """Reasons of one book's records that did not move. `staying`: never asked; `refused`: refused at the move."""

    staying: Reasons = field(default_factory=dict)
    refused: Reasons = field(default_factory=dict)


def count(into: dict[str, Counter[str]], kind: str, reason: str) -> None:
    """Count one record."""
    known = into.setdefault(kind, Counter())
    known[reason if reason in known or len(known) < MOST else OTHER] += 1


def total(reasons: Reasons) -> int:
    """Return the number of records."""
    return sum(number for by in reasons.values() for number in by.values())


def words(*counted: Mapping[str, int]) -> str:
    """Return the reasons, most frequent first: `won, lost: nobody can change the owner (5), in use (1)`."""
    heads: dict[str, list[str]] = {}
    numbers: Counter[str] = Counter()
    for reason, number in sum((Counter(by) for by in counted), Counter[str]()).most_common():
        said = shown(reason)
        head, colon, rest = said.partition(": ")
        heads.setdefault(rest if colon else said, []).extend([head] if colon else [])
        numbers[rest if colon else said] += number
    told = [
        f"{', '.join(heads[rest])}{': ' if heads[rest] else ''}{rest} ({number})"
        for rest, number in numbers.most_common(TOLD)
    ]
    left = numbers.total() - sum(number for _, number in numbers.most_common(TOLD))
    return ", ".join([*told, *([f"{_(OTHER)} ({left})"] if left else [])])


def seal(vault: Vault, case: Case, book: BookHandover, reasons: UnmovedReasons) -> bytes:
    """Encrypt the reasons for their row; without any, return nothing."""
    if reasons == UnmovedReasons():
        return b""
    plain = {"staying": _plain(reasons.staying), "refused": _plain(reasons.refused)}
    return vault.seal(case.wrapped_key, plain, f"book:{book.id}")


def unseal(vault: Vault, case: Case, book: BookHandover) -> UnmovedReasons:
    """Decrypt a book's reasons."""
    if not book.sealed:
        return UnmovedReasons()
    plain: dict[str, Any] = vault.open(case.wrapped_key, book.sealed, f"book:{book.id}")
    return UnmovedReasons(**plain)


def _plain(reasons: Reasons) -> dict[str, dict[str, int]]:
    return {kind: dict(by) for kind, by in reasons.items()}
