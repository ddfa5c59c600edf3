"""Faults of a split, found by plain counting and by trying every possible split."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import product

from workflows.clients.split.allocation import BALANCE_LIMIT, AllocationItem, AllocationTarget, Split
from workflows.clients.split.rebalancing import lower_bound

CLOSE = 1e-9


def book(*sizes: tuple[int, int]) -> list[AllocationItem]:
    """One family per size: (records, value of each)."""
    return [AllocationItem(f"family {n}", Decimal(count * value), count) for n, (count, value) in enumerate(sizes)]


def weights(items: Sequence[AllocationItem]) -> dict[str, float]:
    """Each family's share of value and of count, added."""
    value, count = float(sum(item.value for item in items)), sum(item.count for item in items)
    weight: dict[str, float] = defaultdict(float)
    for item in items:
        weight[item.family] += (float(item.value) / value if value else 0) + item.count / count
    return weight


def loads(items: Sequence[AllocationItem], chosen: Mapping[str, str]) -> dict[str, float]:
    """Weight by successor."""
    found: dict[str, float] = defaultdict(float)
    for family, weight in weights(items).items():
        found[chosen[family]] += weight
    return found


def faults(
    items: Sequence[AllocationItem], takers: Sequence[AllocationTarget], split: Split, *, balanced: bool
) -> list[str]:
    """Return the faults as text; empty for a correct split."""
    found = []
    families, chosen = {item.family for item in items}, split.chosen
    if set(chosen) != families:
        found.append("lost or invented a client")
    if set(chosen.values()) - {taker.key for taker in takers}:
        found.append("gave to a stranger")
    held = {taker.key: sum(1 for key in chosen.values() if key == taker.key) for taker in takers}
    beyond = {t.key: held[t.key] - t.capacity for t in takers if t.capacity is not None and held[t.key] > t.capacity}
    if dict(split.over) != beyond:
        found.append("kept silent about a capacity that it broke")
    room = sum(len(families) if t.capacity is None else t.capacity for t in takers)
    if balanced and beyond and room >= len(families):
        found.append("broke a capacity without need")
    if balanced and families and not found:
        bound = lower_bound(weights(items).values(), len(takers), [taker.capacity for taker in takers])
        if max(loads(items, chosen).values()) > BALANCE_LIMIT * bound + CLOSE and not split.notes:
            found.append("overloaded someone and said nothing")
    return found


def best(items: Sequence[AllocationItem], takers: Sequence[AllocationTarget]) -> float:
    """Return the smallest possible greatest load within the capacities; infinite if no split fits."""
    weight = weights(items)
    lowest = float("inf")
    for turns in product(range(len(takers)), repeat=len(weight)):
        held, numbers = [0.0] * len(takers), [0] * len(takers)
        for turn, one in zip(turns, weight.values(), strict=True):
            held[turn] += one
            numbers[turn] += 1
        if all(t.capacity is None or n <= t.capacity for n, t in zip(numbers, takers, strict=True)):
            lowest = min(lowest, max(held))
    return lowest
