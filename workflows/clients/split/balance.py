"""Counts before = counts after, in words. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from config.text import _, ngettext

Counts = Mapping[str, Mapping[str, int]]
"""`{account: {kind: count}}`."""


@dataclass(frozen=True, slots=True)
class UnmovedCounts:
    """Counts of the lines of one kind that did not move to a successor, by outcome."""

    taken: int = 0
    gone: int = 0
    refused: int = 0
    waiting: int = 0
    staying: int = 0
    stopped: int = 0
    why: str = ""
    """The reasons for which records stay: the vendor lets nobody change their owner."""


def sentences(
    system: str, before: Counts, after: Counts, leaver: frozenset[str], unmoved_by_kind: Mapping[str, UnmovedCounts]
) -> list[str]:
    """Return a sentence per kind; every difference is explained, or reported as unexplained."""
    kinds = sorted({kind for counts in (before, after) for by in counts.values() for kind in by})
    return [
        _sentence(
            f"{system}, {kind}",
            _sum(before, kind),
            _sum(after, kind),
            sum(after.get(owner, {}).get(kind, 0) for owner in leaver),
            unmoved_by_kind.get(kind, UnmovedCounts()),
        )
        for kind in kinds
    ]


def unmoved(system: str, unmoved_by_kind: Mapping[str, UnmovedCounts]) -> list[str]:
    """Return a sentence per kind without any move; such a kind is not counted."""
    return [
        f"{system}, {kind}: {_stay(counts.staying, counts)}"
        for kind, counts in sorted(unmoved_by_kind.items())
        if counts.staying
    ]


def _sentence(what: str, before: int, after: int, left: int, counts: UnmovedCounts) -> str:
    counted = _("{what}: {before:,} before, {after:,} after").format(what=what, before=before, after=after)
    said = [counted, *_difference(before, after, counts)]
    stay = min(left, counts.staying)
    if stay:
        said.append(_stay(stay, counts))
    if left > stay:
        said.append(
            _("{count:,} still with the leaver ({fates})").format(count=left - stay, fates=_left(left - stay, counts))
        )
    return "; ".join(said)


def _stay(number: int, counts: UnmovedCounts) -> str:
    said = ngettext("{count:,} stays with the leaver: {why}", "{count:,} stay with the leaver: {why}", number)
    return said.format(count=number, why=counts.why)


def _difference(before: int, after: int, counts: UnmovedCounts) -> list[str]:
    if before == after:
        return []
    fates = ((counts.taken, _("{count:,} taken by another")), (counts.gone, _("{count:,} gone")))
    seen = [word.format(count=number) for number, word in fates if number]
    lost = before - after
    if 0 < lost <= counts.taken + counts.gone:
        return [", ".join(seen)]
    strange = -lost if lost < 0 else lost - counts.taken - counts.gone
    more, fewer = (
        _("{count:,} more than before for a reason outside this handover"),
        _("{count:,} fewer for a reason outside this handover"),
    )
    return [*seen, (more if lost < 0 else fewer).format(count=strange)]


def _left(left: int, counts: UnmovedCounts) -> str:
    words = (
        (counts.refused, _("{count:,} refused")),
        (counts.waiting, _("{count:,} waiting for a decision")),
        (counts.stopped, _("{count:,} left when the moves were stopped")),
        (left - counts.refused - counts.waiting - counts.stopped, _("{count:,} new since")),
    )
    return ", ".join(word.format(count=number) for number, word in words if number > 0)


def _sum(counts: Counts, kind: str) -> int:
    return sum(by.get(kind, 0) for by in counts.values())
