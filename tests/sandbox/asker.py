"""Slow reads in the background: a caller gets the last answer and its age at once."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
IDLE_SECONDS = 10.0
"""Seconds without a caller after which the reads end; the next caller starts them again."""


@dataclass(frozen=True)
class Said(Generic[T]):
    """The last answer: `value`, or None and a `problem`; `seconds` is its age, `waiting` the next one's time so far."""

    value: T | None = None
    problem: str = ""
    seconds: float = 0.0
    waiting: float = 0.0


class Asker(Generic[T]):
    """Asks one question again and again; an error of one of the `faults` kinds is an answer, too."""

    def __init__(self, ask: Callable[[], T], every: float, faults: tuple[type[Exception], ...]) -> None:
        self._ask, self._every, self._faults = ask, every, faults
        self._lock = threading.Lock()
        self._now, self._first = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._value: T | None = None
        self._problem = ""
        self._answered = self._asked = self._wanted = 0.0

    def said(self, patience: float = 0.0) -> Said[T]:
        """Return the last answer, after waiting at most `patience` seconds for a first one."""
        with self._lock:
            self._wanted = time.monotonic()
            if self._thread is None:
                self._first.clear()
                self._thread = threading.Thread(target=self._go_on, name="asker", daemon=True)
                self._thread.start()
        self._first.wait(patience)
        with self._lock:
            now = time.monotonic()
            waiting = now - self._asked if self._asked > self._answered else 0.0
            return Said(self._value, self._problem, now - self._answered if self._answered else 0.0, waiting)

    def ask_now(self) -> None:
        """Ask again without waiting for the next turn."""
        self._now.set()

    def _go_on(self) -> None:
        while True:
            with self._lock:
                if time.monotonic() - self._wanted > IDLE_SECONDS:
                    self._thread = None
                    return
                self._asked = time.monotonic()
            self._now.clear()
            self._ask_once()
            self._first.set()
            self._now.wait(self._every)

    def _ask_once(self) -> None:
        value: T | None = None
        problem = ""
        try:
            value = self._ask()
        except self._faults as error:
            problem = str(error) or type(error).__name__
        with self._lock:
            self._value, self._problem, self._answered = value, problem, time.monotonic()
