"""How even a split can be at all, and making an uneven one more even. Pure."""

import heapq
import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple


class SuccessorLoads:
    """Loads by successor, who is named by their turn. Asking for the least loaded of a group costs next to nothing.

    A group's heap may hold loads of the past: since loads only grow, its head is brought up to date when it is asked.
    """

    def __init__(self, capacities: Sequence[int | None]) -> None:
        """`capacities`: how many clients each may have; None: any number."""
        self.everyone = tuple(range(len(capacities)))
        self.loads = [0.0] * len(capacities)
        self.counts = [0] * len(capacities)
        self.capacities = capacities
        self._heaps: dict[tuple[int, ...], list[tuple[float, int]]] = {}
        self._crowd: list[tuple[float, int]] = []

    def least(self, group: tuple[int, ...]) -> int | None:
        """Return who of a group has least, ties to the first in turn; None where all are full."""
        heap = self._heaps.get(group)
        if heap is None:
            heap = self._heaps[group] = self._heap(group)
        while heap:
            load, turn = heap[0]
            if self.full(turn):
                heapq.heappop(heap)
            elif load != self.loads[turn]:
                heapq.heapreplace(heap, (self.loads[turn], turn))
            else:
                return turn
        return None

    def anyone(self) -> int:
        """Return who of all has least and room; where all are full, who has least."""
        turn = self.least(self.everyone)
        if turn is not None:
            return turn
        heap = self._crowd = self._crowd or self._heap(self.everyone)
        while heap[0][0] != self.loads[heap[0][1]]:
            heapq.heapreplace(heap, (self.loads[heap[0][1]], heap[0][1]))
        return heap[0][1]

    def give(self, turn: int, weight: float) -> None:
        """Count one client."""
        self.loads[turn] += weight
        self.counts[turn] += 1

    def full(self, turn: int) -> bool:
        """Whether somebody has as many clients as they may."""
        capacity = self.capacities[turn]
        return capacity is not None and self.counts[turn] >= capacity

    def over(self) -> dict[int, int]:
        """Return how many clients beyond their capacity each has who has any."""
        beyond = {
            turn: self.counts[turn] - capacity for turn, capacity in enumerate(self.capacities) if capacity is not None
        }
        return {turn: number for turn, number in beyond.items() if number > 0}

    def _heap(self, group: Sequence[int]) -> list[tuple[float, int]]:
        heap = [(self.loads[turn], turn) for turn in group]
        heapq.heapify(heap)
        return heap


LEAST = 1e-12
"""Weights closer than this are the same weight."""
TRIES = 200
"""How often two successors' clients are moved or swapped at most: only a split that is too uneven needs it at all."""


class WeightedFamily(NamedTuple):
    """One family with its weight. A tuple: a million are made and sorted in one split."""

    weight: float
    value: float
    family: str
    traits: frozenset[tuple[str, str]]


def lower_bound(weights: Iterable[float], successors: int, capacities: Sequence[int | None] = ()) -> float:
    """Return a load that the most loaded successor cannot stay below, whatever the split.

    It is the even share; or what the pigeonhole principle forces: of the `k * successors + 1` heaviest families,
    `k + 1` must share one successor; or the even share of what others cannot take for want of room.
    """
    heaviest = sorted(weights, reverse=True)
    upto = [0.0, *accumulate(heaviest)]
    forced = (upto[k * successors + 1] - upto[k * successors - k] for k in range((len(heaviest) - 1) // successors + 1))
    return max([upto[-1] / successors, *forced, _crowding(upto, capacities)])


def _crowding(upto: Sequence[float], capacities: Sequence[int | None]) -> float:
    """Return the least possible highest load where each can carry no more than their capacity of the heaviest.

    `upto`: the sums of the heaviest families, from none to all.
    """
    families = len(upto) - 1
    if sum(families if limit is None else limit for limit in capacities) < families:
        return 0.0  # there is not room for all, so the capacities bind nobody
    left, sharers = upto[-1], len(capacities)
    for most in sorted(upto[-1 if limit is None else min(limit, families)] for limit in capacities):
        if most * sharers >= left:
            return left / sharers
        left, sharers = left - most, sharers - 1
    return 0.0


def rebalance(pools: SuccessorLoads, held: Sequence[list[WeightedFamily]], goal: float) -> None:
    """Move and swap clients, from whoever has most, until nobody has more than `goal` or nothing helps any more."""
    for _ in range(TRIES):
        most = max(pools.everyone, key=lambda turn: pools.loads[turn])
        if pools.loads[most] <= goal or not any(_ease(pools, held, most, turn) for turn in _by_load(pools, most)):
            return


def _by_load(pools: SuccessorLoads, but: int) -> list[int]:
    return sorted((turn for turn in pools.everyone if turn != but), key=lambda turn: pools.loads[turn])


def _ease(pools: SuccessorLoads, held: Sequence[list[WeightedFamily]], most: int, other: int) -> bool:
    """Make the exchange that brings two loads closest together; False where none brings them closer."""
    gap = pools.loads[most] - pools.loads[other]
    theirs = sorted(held[other], key=lambda load: (load.weight, load.family))
    weights = [load.weight for load in theirs]
    best: tuple[float, WeightedFamily, WeightedFamily | None] | None = None
    for load in held[most]:
        near = bisect_left(weights, load.weight - gap / 2)
        offers: list[WeightedFamily | None] = list(theirs[max(0, near - 1) : near + 1])
        for back in [*offers, *([] if pools.full(other) else [None])]:
            shift = load.weight - (back.weight if back else 0.0)
            if LEAST < shift < gap - LEAST and (best is None or abs(shift - gap / 2) < best[0]):
                best = abs(shift - gap / 2), load, back
    if best is None:
        return False
    _exchange(pools, held, most, other, best[1])
    if best[2]:
        _exchange(pools, held, other, most, best[2])
    return True


def _exchange(
    pools: SuccessorLoads, held: Sequence[list[WeightedFamily]], giver: int, taker: int, load: WeightedFamily
) -> None:
    held[giver].remove(load)
    held[taker].append(load)
    for turn, number in ((giver, -1), (taker, 1)):
        pools.counts[turn] += number
        pools.loads[turn] = math.fsum(one.weight for one in held[turn])
