"""A bounded number of threads for each outside system: none waits for another system's, and urgent work goes first.

A thread lives only while its lane has work: an idle bot keeps none.
"""

import heapq
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import count

URGENT, PLANNED = 0, 1
"""A dismissal does not wait behind the leavers of the month; within one rank, who came first goes first."""


@dataclass(order=True, slots=True)
class _QueuedWork:
    priority: int
    sequence: int
    work: Callable[[], None] = field(compare=False)
    done: "Future[None]" = field(compare=False)


@dataclass(slots=True)
class _ThreadPool:
    waiting: list[_QueuedWork] = field(default_factory=list)
    threads: int = 0


class ThreadPools:
    """Carries work out, for each name at most `width(name)` pieces at a time."""

    def __init__(self, width: Callable[[str], int]) -> None:
        self._width = width
        self._lanes: dict[str, _ThreadPool] = {}
        self._places = count()
        self._lock = threading.Lock()

    def submit(self, name: str, work: Callable[[], None], rank: int = PLANNED) -> "Future[None]":
        """Put work into a lane; the future ends as the work does."""
        done: Future[None] = Future()
        with self._lock:
            lane = self._lanes.setdefault(name, _ThreadPool())
            heapq.heappush(lane.waiting, _QueuedWork(rank, next(self._places), work, done))
            self._staff(name, lane)
        return done

    def backlog(self, name: str) -> int:
        """Return how many pieces wait for a free thread."""
        with self._lock:
            return len(self._lanes[name].waiting) if name in self._lanes else 0

    def _staff(self, name: str, lane: _ThreadPool) -> None:
        """Start a thread for what waits, if the width leaves room for one; the caller has the lock."""
        if not lane.waiting or lane.threads >= max(1, self._width(name)):
            return
        lane.threads += 1
        # Daemons: at the end of the process they are cut off as by a kill, which the work bears.
        threading.Thread(target=self._drain, args=(name, lane), name=f"lane {name}", daemon=True).start()

    def _drain(self, name: str, lane: _ThreadPool) -> None:
        while True:
            with self._lock:
                if not lane.waiting or lane.threads > max(1, self._width(name)):
                    lane.threads -= 1
                    return
                one = heapq.heappop(lane.waiting)
                self._staff(name, lane)  # the width may have grown meanwhile
            try:
                one.work()
            except BaseException as error:  # noqa: BLE001 - whoever waits for the future gets it, and says it
                one.done.set_exception(error)
            else:
                one.done.set_result(None)
