"""Splitting a client book between successors. Pure: the same items in any order give the same split.

A family (a company with its deals) always goes to one successor. `balanced` weighs each family by its share of the
whole value and of the whole number of records, half and half, and deals the heaviest first to whoever has least
(longest processing time first): nobody's load exceeds 4/3 of the lower bound that the families' weights allow
(R. L. Graham, "Bounds on multiprocessing timing anomalies", 1969).
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from workflows.model import Strategy


@dataclass(frozen=True, slots=True)
class Item:
    """Something to be given away whole: a record, or several of one family already counted together."""

    id: str
    family: str
    value: Decimal = Decimal(0)
    count: int = 1


@dataclass(frozen=True, slots=True)
class _Family:
    name: str
    value: float
    count: int
    weight: float


def allocate(items: Iterable[Item], successors: Sequence[str], strategy: Strategy) -> Mapping[str, str]:
    """Return which successor each item goes to, by item id. Raises `ValueError` for no or doubled successors."""
    if not successors or len(set(successors)) != len(successors):
        raise ValueError("an allocation needs successors, each named once")
    members = list(items)
    if len({item.id for item in members}) != len(members):
        raise ValueError("an item stands twice in the book")
    families = _families(members)
    match strategy:
        case Strategy.SINGLE:
            chosen = dict.fromkeys((family.name for family in families), successors[0])
        case Strategy.ROUND_ROBIN:
            chosen = {family.name: successors[turn % len(successors)] for turn, family in enumerate(families)}
        case Strategy.BALANCED:
            chosen = _balance(families, successors)
    return {item.id: chosen[item.family] for item in members}


def lower_bound(weights: Iterable[float], successors: int) -> float:
    """Return a load that the most loaded successor cannot stay below, whatever the split.

    It is the even share, or what the pigeonhole principle forces: of the `k * successors + 1` heaviest families,
    `k + 1` must share one successor.
    """
    heaviest = sorted(weights, reverse=True)
    forced = (
        math.fsum(heaviest[k * successors - k : k * successors + 1])
        for k in range((len(heaviest) - 1) // successors + 1)
    )
    return max([math.fsum(heaviest) / successors, *forced])


def _families(items: Sequence[Item]) -> list[_Family]:
    """Join items by family, heaviest first; sums are exact, so that order plays no part."""
    values: dict[str, list[float]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    for item in items:
        values[item.family].append(max(float(item.value), 0.0))
        counts[item.family] += item.count
    summed = {name: math.fsum(parts) for name, parts in values.items()}
    value, count = math.fsum(summed.values()), sum(counts.values())
    families = [
        _Family(name, summed[name], counts[name],
                (summed[name] / value if value else 0.0) + (counts[name] / count if count else 0.0))
        for name in summed
    ]
    return sorted(families, key=lambda family: (-family.weight, -family.value, family.name))


def _balance(families: Sequence[_Family], successors: Sequence[str]) -> dict[str, str]:
    """Give each family, heaviest first, to the successor with the least load so far."""
    loads = [(0.0, 0.0, turn) for turn in range(len(successors))]
    chosen = {}
    for family in families:
        load, value, turn = loads[0]
        chosen[family.name] = successors[turn]
        heapq.heapreplace(loads, (load + family.weight, value + family.value, turn))
    return chosen
