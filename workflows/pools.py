"""Successors with the load and the number of clients that each has so far: who of some has least, and room. Pure."""

import heapq
from collections.abc import Sequence


class Pools:
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
