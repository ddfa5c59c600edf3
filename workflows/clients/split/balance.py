"""Counts before = counts after, in words. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from config.text import _, ngettext

Counts = Mapping[str, Mapping[str, int]]
"""`{account: {kind: count}}`."""


@dataclass(frozen=True, slots=True)
class UnmovedCounts:
    """What became of the lines of one kind that did not end with a successor."""

    taken: int = 0
    gone: int = 0
    refused: int = 0
    waiting: int = 0
    staying: int = 0
    stopped: int = 0
    why: str = ""
    """Why records stay: the vendor lets nobody change their owner."""


def sentences(
    system: str, before: Counts, after: Counts, leaver: frozenset[str], fates: Mapping[str, UnmovedCounts]
) -> list[str]:
    """Return a sentence per kind; every difference is explained by what was seen, or said to be unexplained."""
    kinds = sorted({kind for counts in (before, after) for by in counts.values() for kind in by})
    return [
        _sentence(
            f"{system}, {kind}",
            _sum(before, kind),
            _sum(after, kind),
            sum(after.get(owner, {}).get(kind, 0) for owner in leaver),
            fates.get(kind, UnmovedCounts()),
        )
        for kind in kinds
    ]


def unmoved(system: str, fates: Mapping[str, UnmovedCounts]) -> list[str]:
    """Return a sentence per kind of which nothing could be moved, so that nothing was counted either."""
    return [f"{system}, {kind}: {_stay(fate.staying, fate)}" for kind, fate in sorted(fates.items()) if fate.staying]


def _sentence(what: str, before: int, after: int, left: int, fate: UnmovedCounts) -> str:
    counted = _("{what}: {before:,} before, {after:,} after").format(what=what, before=before, after=after)
    said = [counted, *_difference(before, after, fate)]
    stay = min(left, fate.staying)
    if stay:
        said.append(_stay(stay, fate))
    if left > stay:
        said.append(
            _("{count:,} still with the leaver ({fates})").format(count=left - stay, fates=_left(left - stay, fate))
        )
    return "; ".join(said)


def _stay(number: int, fate: UnmovedCounts) -> str:
    said = ngettext("{count:,} stays with the leaver: {why}", "{count:,} stay with the leaver: {why}", number)
    return said.format(count=number, why=fate.why)


def _difference(before: int, after: int, fate: UnmovedCounts) -> list[str]:
    if before == after:
        return []
    fates = ((fate.taken, _("{count:,} taken by another")), (fate.gone, _("{count:,} gone")))
    seen = [word.format(count=number) for number, word in fates if number]
    lost = before - after
    if 0 < lost <= fate.taken + fate.gone:
        return [", ".join(seen)]
    strange = -lost if lost < 0 else lost - fate.taken - fate.gone
    more, fewer = (
        _("{count:,} more than before for a reason outside this handover"),
        _("{count:,} fewer for a reason outside this handover"),
    )
    return [*seen, (more if lost < 0 else fewer).format(count=strange)]


def _left(left: int, fate: UnmovedCounts) -> str:
    words = (
        (fate.refused, _("{count:,} refused")),
        (fate.waiting, _("{count:,} waiting for a decision")),
        (fate.stopped, _("{count:,} left when the moves were stopped")),
        (left - fate.refused - fate.waiting - fate.stopped, _("{count:,} new since")),
    )
    return ", ".join(word.format(count=number) for number, word in words if number > 0)


def _sum(counts: Counts, kind: str) -> int:
    return sum(by.get(kind, 0) for by in counts.values())
