"""Thread pools, one for each outside system: no system waits for another, and urgent work goes first.

A thread lives only while its pool has work, so an idle bot keeps none.
"""

import heapq
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import count

URGENT, PLANNED = 0, 1
"""Priorities: a dismissal does not wait behind planned lock-outs. Equal priorities run in order of arrival."""


@dataclass(slots=True)
class _ThreadPool:
    waiting: list[tuple[int, int, Callable[[], None], "Future[None]"]] = field(default_factory=list)
    """Heap of work by its priority, then by its sequence number, each with its future."""
    threads: int = 0


class ThreadPools:
    """Runs work, at most `width(name)` pieces at a time for each name."""

    def __init__(self, width: Callable[[str], int]) -> None:
        self._width = width
        self._pools: dict[str, _ThreadPool] = {}
        self._sequence = count()
        self._lock = threading.Lock()

    def submit(self, name: str, work: Callable[[], None], rank: int = PLANNED) -> "Future[None]":
        """Add work to a pool. The future ends with the work."""
        done: Future[None] = Future()
        with self._lock:
            pool = self._pools.setdefault(name, _ThreadPool())
            heapq.heappush(pool.waiting, (rank, next(self._sequence), work, done))
            self._start_thread(name, pool)
        return done

    def backlog(self, name: str) -> int:
        """Return how many pieces wait for a free thread."""
        with self._lock:
            return len(self._pools[name].waiting) if name in self._pools else 0

    def _start_thread(self, name: str, pool: _ThreadPool) -> None:
        """Start a thread for waiting work, if the width allows one more. The caller holds the lock."""
        if not pool.waiting or pool.threads >= max(1, self._width(name)):
            return
        pool.threads += 1
        # Daemons: the end of the process stops them as a kill would, which the work survives.
        threading.Thread(target=self._drain, args=(name, pool), name=f"pool {name}", daemon=True).start()

    def _drain(self, name: str, pool: _ThreadPool) -> None:
        while True:
            with self._lock:
                if not pool.waiting or pool.threads > max(1, self._width(name)):
                    pool.threads -= 1
                    return
                _rank, _number, work, done = heapq.heappop(pool.waiting)
                self._start_thread(name, pool)  # the width may have grown meanwhile
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - the waiter of the future gets the error and reports it
                done.set_exception(error)
            else:
                done.set_result(None)
