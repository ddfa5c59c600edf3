"""A pool of connections to one system. Its size may change while it is used."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from connectors.calls import Calls
from connectors.contract import CallCounts

C = TypeVar("C")


@dataclass(slots=True)
class Slot(Generic[C]):
    """Permission to have one connection open.

    `connection` is an idle one, or None. The pool keeps its value at the end.
    """

    connection: C | None = None


class ConnectionPool(Generic[C]):
    """Keeps at most `size` connections open, including idle ones."""

    def __init__(self, size: int, close: Callable[[C], object]) -> None:
        """Take the size of the pool, and the function that closes one connection."""
        self._size, self._close = size, close
        self._idle: list[C] = []
        self._busy = self._waiting = 0
        self._closed = False
        self._changed = threading.Condition()
        self.calls = Calls()

    @property
    def size(self) -> int:
        """The number of connections that may be open."""
        return self._size

    @property
    def wanted(self) -> int:
        """The number of connections that would be in use now if there were enough."""
        return self._busy + self._waiting

    @contextmanager
    def slot(self, seconds: float) -> Iterator[Slot[C]]:
        """Reserve one connection. Raises `TimeoutError` if none becomes free within `seconds`."""
        with self._changed:
            self._waiting += 1
            try:
                if not self._changed.wait_for(lambda: self._busy < self._size, seconds):
                    raise TimeoutError
            finally:
                self._waiting -= 1
            self._busy += 1
            slot = Slot(self._idle.pop() if self._idle else None)
        try:
            yield slot
        finally:
            with self._changed:
                self._busy -= 1
                if slot.connection is not None and not self._closed and self._busy + len(self._idle) < self._size:
                    self._idle.append(slot.connection)
                elif slot.connection is not None:
                    self._close(slot.connection)
                self._changed.notify()

    def resize(self, size: int) -> int:
        """Keep at most `size` open from now on; return how many are open at this moment.

        Idle ones are closed at once, others when they are returned.
        """
        with self._changed:
            self._size = size
            while self._idle and self._busy + len(self._idle) > size:
                self._close(self._idle.pop())
            self._changed.notify_all()
            return self._busy + len(self._idle)

    def call_counts(self) -> CallCounts:
        """Return the counts of every call over these connections."""
        return self.calls.counts()

    def close(self) -> None:
        """Close every connection; those in use are closed when they are returned."""
        self._closed = True
        self.close_idle()

    def close_idle(self) -> None:
        """Close every connection that is not in use."""
        with self._changed:
            while self._idle:
                self._close(self._idle.pop())
