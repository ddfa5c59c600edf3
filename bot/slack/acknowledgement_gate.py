"""A gate that defers background work while Slack waits for acknowledgements.

All threads of a process share one interpreter. Without the gate, the last of fifty acknowledgements waited for the
forms and plans of the first ones, which are less urgent.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
MAX_WAIT_SECONDS = 0.5
"""Most seconds that background work waits. A form must be opened within three seconds of the click."""
QUIET_SECONDS = 0.03
"""Seconds without a pending request before background work starts. Requests of a burst have short gaps."""


class AcknowledgementGate:
    """Counter of the requests that are not acknowledged yet."""

    def __init__(self, patience: float = MAX_WAIT_SECONDS, calm: float = QUIET_SECONDS) -> None:
        self._patience, self._calm = patience, calm
        self._pending = 0
        self._left_at = 0.0
        self._quiet = threading.Condition()
        self._answered = threading.local()

    @contextmanager
    def pending_request(self) -> Iterator[None]:
        """Count one request as pending for as long as the context lasts."""
        self._answered.yes = False
        with self._quiet:
            self._pending += 1
        try:
            yield
        finally:
            with self._quiet:
                self._pending -= 1
                self._left_at = time.monotonic()
                if not self._pending:
                    self._quiet.notify_all()

    def mark_acknowledged(self) -> None:
        """Mark this thread's request as acknowledged. Work that it submits afterwards is background work."""
        self._answered.yes = True

    @property
    def is_acknowledged(self) -> bool:
        """True if this thread's request was acknowledged."""
        return bool(getattr(self._answered, "yes", False))

    def wait(self) -> None:
        """Wait until no request has been pending for `QUIET_SECONDS`, at most `MAX_WAIT_SECONDS`."""
        until = time.monotonic() + self._patience
        with self._quiet:
            while (now := time.monotonic()) < until:
                left = until - now if self._pending else self._left_at + self._calm - now
                if left <= 0:
                    return
                self._quiet.wait(min(left, until - now))


class DeferringPool(ThreadPoolExecutor):
    """Thread pool that runs acknowledgements at once, and background work once the gate is quiet."""

    def __init__(self, gate: AcknowledgementGate, threads: int, name: str, *, always_later: bool = False) -> None:
        """Create the pool. `always_later`: True if the pool gets background work only."""
        super().__init__(max_workers=threads, thread_name_prefix=name)
        self._gate, self._always_later = gate, always_later

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """Schedule the call, in the language of the moment; background work waits for the gate first."""
        here = copy_context()
        if not (self._always_later or self._gate.is_acknowledged):
            return super().submit(partial(here.run, fn, *args, **kwargs))

        def later() -> R:
            self._gate.wait()
            return here.run(fn, *args, **kwargs)

        return super().submit(later)
