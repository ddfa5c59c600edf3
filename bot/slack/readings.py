"""Readings from Slack: live, and shared for a moment where Slack's limit on questions is near.

Slack answers 20 questions a minute about the members of user groups, and 100 about people (docs.slack.dev, Rate
Limits). The gate asks before every act, and somebody who answers 300 findings acts 300 times in a few minutes.
"""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

R = TypeVar("R")
GROUPS_A_MINUTE, PEOPLE_A_MINUTE = 6, 20
"""Live readings of one reader. A process has three readers of groups and four of people."""
SHARE_SECONDS = 5.0
"""Longest time for which a reading counts as the present state, once the live ones are used up.

Somebody who loses a right in the middle of a series of acts may use it for so much longer.
"""
KEEP_SECONDS = 60.0
"""The same for what a view offers. It decides nothing: the gate asks again."""
MINUTE = 60.0


@dataclass(slots=True)
class _Reading(Generic[R]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    began: float = float("-inf")
    ended: float = float("-inf")
    value: R | None = None
    error: Exception | None = None


class Readings(Generic[R]):
    """Answers by id, each as old as its question. Who asks while a question is under way gets the same answer."""

    def __init__(self, ask: Callable[[str], R], a_minute: int, elapsed: Callable[[], float] = time.monotonic) -> None:
        """`a_minute`: questions that are asked without need, so that a reading is live."""
        self._ask, self._elapsed = ask, elapsed
        self._asked: deque[float] = deque([float("-inf")] * a_minute, maxlen=a_minute)
        self._kept: dict[str, _Reading[R]] = defaultdict(_Reading)
        self._lock = threading.Lock()

    def get(self, asked: str, *, fresh: bool = True) -> R:
        """Return an answer, at most `KEEP_SECONDS` old unless `fresh`. Raises what the question raised."""
        came = self._elapsed()
        with self._lock:
            kept = self._kept[asked]
        with kept.lock:
            if came >= kept.ended and (kept.error or self._elapsed() - kept.began >= self._most(fresh=fresh)):
                self._renew(asked, kept)
            if kept.error:
                raise kept.error
            return kept.value  # type: ignore[return-value] # there is a value where there is no error

    def last(self, asked: str) -> R | None:
        """Return the answer of the last minute without asking, or None."""
        with self._lock:
            kept = self._kept[asked]
        return kept.value if self._elapsed() - kept.began < KEEP_SECONDS else None

    def _most(self, *, fresh: bool) -> float:
        if not fresh:
            return KEEP_SECONDS
        return SHARE_SECONDS if self._elapsed() - self._asked[0] < MINUTE else 0.0

    def _renew(self, asked: str, kept: _Reading[R]) -> None:
        began = self._elapsed()
        self._asked.append(began)
        try:
            kept.value, kept.error, kept.began = self._ask(asked), None, began
        except Exception as error:  # noqa: BLE001 - raised for everybody who waits
            kept.error = error
        kept.ended = self._elapsed()
