"""Who waits for an answer goes first: work that comes after an acknowledgement starts when no other one is on its way.

All threads of a process share one interpreter. Fifty commands at a time meant that the fiftieth acknowledgement waited
behind forms being opened and plans being drawn for the first ones, which nobody had to have within the second.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
MAX_WAIT_SECONDS = 0.5
"""Seconds that later work waits at most: a form must be opened within three of the click."""
QUIET_SECONDS = 0.03
"""Seconds that nobody must have been inside: between two requests of a crowd the door is free for a moment, too."""


class AcknowledgementGate:
    """Knows how many requests are inside, unanswered."""

    def __init__(self, patience: float = MAX_WAIT_SECONDS, calm: float = QUIET_SECONDS) -> None:
        self._patience, self._calm = patience, calm
        self._inside = 0
        self._left_at = 0.0
        self._quiet = threading.Condition()
        self._answered = threading.local()

    @contextmanager
    def pending_request(self) -> Iterator[None]:
        """Be inside for as long as the context lasts: Slack waits."""
        self._answered.yes = False
        with self._quiet:
            self._inside += 1
        try:
            yield
        finally:
            with self._quiet:
                self._inside -= 1
                self._left_at = time.monotonic()
                if not self._inside:
                    self._quiet.notify_all()

    def mark_acknowledged(self) -> None:
        """Note, in the thread of a request, that it has its answer: what it hands on from here is later work."""
        self._answered.yes = True

    @property
    def is_acknowledged(self) -> bool:
        """Whether the request of this thread has its answer."""
        return bool(getattr(self._answered, "yes", False))

    def wait(self) -> None:
        """Wait until nobody has been inside for a moment, but not for long."""
        until = time.monotonic() + self._patience
        with self._quiet:
            while (now := time.monotonic()) < until:
                left = until - now if self._inside else self._left_at + self._calm - now
                if left <= 0:
                    return
                self._quiet.wait(min(left, until - now))


class DeferringPool(ThreadPoolExecutor):
    """Runs at once what an answer depends on, and everything else once the door is quiet."""

    def __init__(self, door: AcknowledgementGate, threads: int, name: str, *, always_later: bool = False) -> None:
        """`always_later`: nothing that this pool is given is waited for by Slack."""
        super().__init__(max_workers=threads, thread_name_prefix=name)
        self._door, self._always_later = door, always_later

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """Schedule the call."""
        if not (self._always_later or self._door.is_acknowledged):
            return super().submit(fn, *args, **kwargs)

        def later() -> R:
            self._door.wait()
            return fn(*args, **kwargs)

        return super().submit(later)
