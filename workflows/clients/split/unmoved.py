"""Counts before = counts after, in words, and the reasons for which records stay with the leaver.

The reasons are in the vendor's words, counted, and sealed, because words may name people.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from config.text import N_, _, listed, ngettext, punctuated, shown
from workflows.clients.split.sealed import adapter
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
    kinds: dict[str, list[str]] = defaultdict(list)
    numbers: Counter[str] = Counter()
    for reason, number in sum((Counter(by) for by in counted), Counter[str]()).most_common():
        kind, colon, text = shown(reason).partition(punctuated(": "))
        kinds[text or kind] += [kind] if colon else []
        numbers[text or kind] += number
    most = numbers.most_common(TOLD)
    line = punctuated("{text} ({number})")
    texts = [
        line.format(text=punctuated(": ").join(filter(None, (listed(kinds[text]), text))), number=number)
        for text, number in most
    ]
    if left := numbers.total() - sum(number for _text, number in most):
        texts.append(line.format(text=_(OTHER), number=left))
    return punctuated(", ").join(texts)


def seal(vault: Vault, case: Case, book: BookHandover, reasons: UnmovedReasons) -> bytes:
    """Encrypt the reasons for their row; without any, return nothing."""
    plain = adapter(UnmovedReasons).dump_python(reasons)
    return vault.seal(case.wrapped_key, plain, f"book:{book.id}") if reasons != UnmovedReasons() else b""


def unseal(vault: Vault, case: Case, book: BookHandover) -> UnmovedReasons:
    """Decrypt a book's reasons."""
    if not book.sealed:
        return UnmovedReasons()
    return UnmovedReasons(**vault.open(case.wrapped_key, book.sealed, f"book:{book.id}"))


Counts = Mapping[str, Mapping[str, int]]
"""`{account: {kind: count}}`."""


class BalanceLine(NamedTuple):
    """A sentence on one kind of record, and whether its counts differ, apart from records that must stay."""

    text: str
    differs: bool


@dataclass(frozen=True, slots=True)
class UnmovedCounts:
    """Counts of the lines of one kind that did not move to a successor, by outcome."""

    taken: int = 0
    gone: int = 0
    refused: int = 0
    waiting: int = 0
    staying: int = 0
    stopped: int = 0
    accepted: int = 0
    """Accepted by the system, and not moved yet."""
    objected: int = 0
    lapsed: int = 0
    why: str = ""
    """The reasons for which records stay: the vendor lets nobody change their owner."""
    group: bool = False
    """True if the records are those of several earlier leavers."""


def sentences(
    system: str,
    before: Counts,
    after: Counts,
    leaver: frozenset[str],
    unmoved_by_kind: Mapping[str, UnmovedCounts],
    *,
    group: bool = False,
) -> list[BalanceLine]:
    """Return a sentence per kind; every difference is explained, or reported as unexplained."""
    kinds = sorted({kind for counts in (before, after) for by in counts.values() for kind in by})
    return [
        _sentence(
            punctuated(", ").join((system, kind)),
            _sum(before, kind),
            _sum(after, kind),
            sum(after.get(owner, {}).get(kind, 0) for owner in leaver),
            unmoved_by_kind.get(kind, UnmovedCounts(group=group)),
        )
        for kind in kinds
    ]


def staying_sentences(system: str, unmoved_by_kind: Mapping[str, UnmovedCounts]) -> list[BalanceLine]:
    """Return a sentence per kind without any move; such a kind is not counted."""
    line = punctuated("{system}, {kind}: {stay}")
    return [
        BalanceLine(line.format(system=system, kind=kind, stay=_stay(counts.staying, counts)), differs=False)
        for kind, counts in sorted(unmoved_by_kind.items())
        if counts.staying
    ]


def _sentence(what: str, before: int, after: int, left: int, counts: UnmovedCounts) -> BalanceLine:
    point = _("{what}: {before:,} before, {after:,} after").format(what=what, before=before, after=after)
    unlike, stay = _difference(before - after, counts), min(left, counts.staying)
    staying = [_stay(stay, counts)] if stay else []
    still = []
    if left > stay:
        text = _("{count:,} still with their owners ({fates})")
        text = text if counts.group else _("{count:,} still with the leaver ({fates})")
        still = [text.format(count=left - stay, fates=_left(left - stay, counts))]
    return BalanceLine(punctuated("; ").join([point, *unlike, *staying, *still]), differs=bool(unlike or still))


def _stay(number: int, counts: UnmovedCounts) -> str:
    message = ngettext("{count:,} stays with the leaver: {why}", "{count:,} stay with the leaver: {why}", number)
    if counts.group:
        message = ngettext("{count:,} stays with its owner: {why}", "{count:,} stay with their owners: {why}", number)
    return message.format(count=number, why=counts.why)


def _difference(lost: int, counts: UnmovedCounts) -> list[str]:
    if counts.gone > max(lost, 0):  # as many records as before, or nearly: some are there under another owner, or new
        hidden = _("{count:,} called gone by the system, which its counts do not show")
        return [hidden.format(count=counts.gone)]
    if not lost:
        return []
    explained = _words((counts.taken, _("{count:,} taken by another")), (counts.gone, _("{count:,} gone")))
    if 0 < lost <= counts.taken + counts.gone:
        return [punctuated(", ").join(explained)]
    if lost < 0:
        return [*explained, _("{count:,} more than before for a reason outside this handover").format(count=-lost)]
    fewer = _("{count:,} fewer for a reason outside this handover")
    return [*explained, fewer.format(count=lost - counts.taken - counts.gone)]


def _left(left: int, counts: UnmovedCounts) -> str:
    known = counts.refused + counts.waiting + counts.stopped + counts.accepted + counts.objected + counts.lapsed
    words = _words(
        (counts.refused, _("{count:,} refused")),
        (counts.waiting, _("{count:,} waiting for a decision")),
        (counts.stopped, _("{count:,} left when the moves were stopped")),
        (counts.accepted, _("{count:,} accepted and not done yet")),
        (counts.objected, _("{count:,} refused by the client or who was asked there")),
        (counts.lapsed, _("{count:,} accepted and never done")),
        (left - known, _("{count:,} new since")),
    )
    return punctuated(", ").join(words)


def _words(*counted: tuple[int, str]) -> list[str]:
    return [message.format(count=number) for number, message in counted if number > 0]


def _sum(counts: Counts, kind: str) -> int:
    return sum(by.get(kind, 0) for by in counts.values())
