"""Work that waits in this process until its queue has a free slot.

The backlog is memory only. A process that dies loses nothing: the rows are still due, and are handed over again.
"""

import threading
from collections import Counter, deque

Piece = tuple[str, str, int]
"""Task, row and attempt."""


class Backlog:
    """Queues of waiting work, each with a number of slots. A piece that waits or runs here is not added again."""

    def __init__(self) -> None:
        self._lanes: dict[str, deque[Piece]] = {}
        self._slots: dict[str, int] = {}
        self._taken = Counter[str]()
        self._known: set[Piece] = set()
        self._changed = threading.Condition()
        self._closed = False

    def add(self, lane: str, slots: int, piece: Piece) -> None:
        """Add a piece to a queue of which at most `slots` pieces may run at a time."""
        with self._changed:
            if piece in self._known:
                return
            self._known.add(piece)
            self._slots[lane] = slots
            self._lanes.setdefault(lane, deque()).append(piece)
            self._changed.notify()

    def take(self) -> tuple[str, Piece] | None:
        """Wait for a piece whose queue has a free slot, and take both, queue after queue. None once closed."""
        with self._changed:
            while not self._closed:
                for lane, waiting in list(self._lanes.items()):
                    if waiting and self._taken[lane] < self._slots[lane]:
                        self._lanes[lane] = self._lanes.pop(lane)  # the other queues come before this one again
                        self._taken[lane] += 1
                        return lane, waiting.popleft()
                self._changed.wait()
        return None

    def put_back(self, lane: str, piece: Piece) -> None:
        """Return a piece that could not be begun to the front of its queue."""
        with self._changed:
            self._taken[lane] -= 1
            self._lanes[lane].appendleft(piece)
            self._changed.notify()

    def free(self, lane: str, piece: Piece) -> None:
        """Remove a piece that has ended, and free its slot."""
        with self._changed:
            self._known.discard(piece)
            self._taken[lane] -= 1
            self._changed.notify()

    def pieces(self) -> frozenset[Piece]:
        """Return every piece that waits or runs in this process."""
        with self._changed:
            return frozenset(self._known)

    def close(self) -> None:
        """Stop handing out work."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
