"""Loads of successors: the least possible highest load, and exchanges that even out a split. Pure."""

import heapq
import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple


class SuccessorLoads:
    """Loads by successor, each named by an index. The least loaded of a group is found from a heap.

    A heap may hold loads of the past. Loads only grow, so that it is enough to bring its head up to date when asked.
    """

    def __init__(self, capacities: Sequence[int | None], owned: Sequence[float] = ()) -> None:
        """`capacities`: how many clients each may have; None: any number. `owned`: loads that they have already."""
        self.all_indexes = tuple(range(len(capacities)))
        self.owned = list(owned) or [0.0] * len(capacities)
        self.loads = list(self.owned)
        self.counts = [0] * len(capacities)
        self.capacities = capacities
        self._heaps: dict[tuple[int, ...], list[tuple[float, int]]] = {}

    def least_loaded_of(self, group: tuple[int, ...]) -> int | None:
        """Return the least loaded of a group, the first of several alike; None where all are full."""
        if group not in self._heaps:
            self._heaps[group] = sorted((self.loads[index], index) for index in group)  # a sorted list is a heap
        heap = self._heaps[group]
        while heap:
            load, index = heap[0]
            if self.full(index):
                heapq.heappop(heap)
            elif load != self.loads[index]:
                heapq.heapreplace(heap, (self.loads[index], index))
            else:
                return index
        return None

    def least_loaded(self, group: tuple[int, ...]) -> int:
        """Return the least loaded of a group with room; where all are full, the least loaded."""
        index = self.least_loaded_of(group)
        return min(group, key=self.loads.__getitem__) if index is None else index

    def add(self, index: int, weight: float) -> None:
        """Count one client."""
        self.loads[index] += weight
        self.counts[index] += 1

    def full(self, index: int) -> bool:
        """Return whether a successor has as many clients as they may."""
        capacity = self.capacities[index]
        return capacity is not None and self.counts[index] >= capacity

    def over_capacity(self) -> dict[int, int]:
        """Return the number of clients beyond capacity, for each successor with any."""
        return {
            index: self.counts[index] - capacity
            for index, capacity in enumerate(self.capacities)
            if capacity is not None and self.counts[index] > capacity
        }


TOLERANCE = 1e-12
"""Weights closer than this are the same weight."""
MOST_EXCHANGES = 200
"""The most exchanges between two successors; only a split that is too uneven needs any."""


class WeightedFamily(NamedTuple):
    """One family with its weight. A tuple: a million are made and sorted in one split."""

    weight: float
    value: float
    family: str
    traits: frozenset[tuple[str, str]]
    possible: tuple[int, ...]
    """The successors who can own it, by index."""


def lower_bound(weights: Iterable[float], successors: int, capacities: Sequence[int | None] = ()) -> float:
    """Return a load that the most loaded successor cannot stay below, whatever the split.

    It is the even share; or what the pigeonhole principle forces: of the `k * successors + 1` heaviest families,
    `k + 1` must share one successor; or the even share of what others cannot take for want of room.
    """
    heaviest = sorted(weights, reverse=True)
    prefix_sums = [0.0, *accumulate(heaviest)]
    most_each = (len(heaviest) - 1) // successors + 1
    forced = (prefix_sums[k * successors + 1] - prefix_sums[k * successors - k] for k in range(most_each))
    return max([prefix_sums[-1] / successors, *forced, _capacity_bound(prefix_sums, capacities)])


def _capacity_bound(prefix_sums: Sequence[float], capacities: Sequence[int | None]) -> float:
    """Return the least possible highest load where each can carry no more than their capacity of the heaviest.

    `prefix_sums`: the sums of the heaviest families, from none to all.
    """
    families = len(prefix_sums) - 1
    if sum(families if limit is None else limit for limit in capacities) < families:
        return 0.0  # there is not room for all, so the capacities bind nobody
    left, open_successors = prefix_sums[-1], len(capacities)
    for most in sorted(prefix_sums[-1 if limit is None else min(limit, families)] for limit in capacities):
        if most * open_successors >= left:
            return left / open_successors
        left, open_successors = left - most, open_successors - 1
    return 0.0


def rebalance(totals: SuccessorLoads, assigned: Sequence[list[WeightedFamily]], goal: float) -> None:
    """Move and swap clients of the most loaded successor, until no load is above `goal` or no exchange helps."""
    for _ in range(MOST_EXCHANGES):
        *others, most = sorted(totals.all_indexes, key=lambda index: totals.loads[index])
        if totals.loads[most] <= goal or not any(_exchange_best(totals, assigned, most, index) for index in others):
            return


def _exchange_best(totals: SuccessorLoads, assigned: Sequence[list[WeightedFamily]], most: int, other: int) -> bool:
    """Make the exchange that brings two loads closest together; return False where none does."""
    gap = totals.loads[most] - totals.loads[other]
    others = sorted(
        (load for load in assigned[other] if most in load.possible), key=lambda load: (load.weight, load.family)
    )
    weights = [load.weight for load in others]
    best: tuple[float, WeightedFamily, WeightedFamily | None] | None = None
    for load in (load for load in assigned[most] if other in load.possible):
        near = bisect_left(weights, load.weight - gap / 2)
        candidates: list[WeightedFamily | None] = list(others[max(0, near - 1) : near + 1])
        for back in [*candidates, *([] if totals.full(other) else [None])]:
            shift = load.weight - (back.weight if back else 0.0)
            if TOLERANCE < shift < gap - TOLERANCE and (best is None or abs(shift - gap / 2) < best[0]):
                best = abs(shift - gap / 2), load, back
    if best is None:
        return False
    _exchange(totals, assigned, most, other, best[1])
    if best[2]:
        _exchange(totals, assigned, other, most, best[2])
    return True


def _exchange(
    totals: SuccessorLoads, assigned: Sequence[list[WeightedFamily]], giver: int, receiver: int, load: WeightedFamily
) -> None:
    assigned[giver].remove(load)
    assigned[receiver].append(load)
    for index, number in ((giver, -1), (receiver, 1)):
        totals.counts[index] += number
        totals.loads[index] = totals.owned[index] + math.fsum(family.weight for family in assigned[index])
