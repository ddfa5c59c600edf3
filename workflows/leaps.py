"""The machine's clock set back or ahead while we run: noticed, put on record, and nothing urgent waits for it.

A row that was put off for ten seconds would wait for an hour and ten seconds after the clock went back by an hour. What
is due at a time that people chose is left alone: that time still comes.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from workflows.journal import HANDOVER, Journal
from workflows.model import Access, Case, Post, Restoration, WorkState
from workflows.ports import Clock
from workflows.store import Store

log = logging.getLogger(__name__)
NOTABLE = timedelta(minutes=1)
"""Less is a clock being set right, little by little or after a short pause."""


def elapsed() -> float:
    """Return seconds that nobody sets, and that go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Leaps:
    """Compares the clock with the time that has passed."""

    def __init__(self, store: Store, journal: Journal, clock: Clock, elapsed: Callable[[], float] = elapsed) -> None:
        self._store, self._journal, self._clock, self._elapsed = store, journal, clock, elapsed
        self._seen: tuple[datetime, float] | None = None

    def look(self) -> timedelta:
        """Return how far the clock was set since the last look; where that is notable, act on it first."""
        now, passed = self._clock.now(), self._elapsed()
        leap = timedelta(0)
        if self._seen is not None:
            leap = now - self._seen[0] - timedelta(seconds=passed - self._seen[1])
        if abs(leap) >= NOTABLE:
            self._note(leap, now)
        self._seen = now, passed
        return leap

    def _note(self, leap: timedelta, now: datetime) -> None:
        seconds = int(leap.total_seconds())
        log.warning("the clock was set %s by %s s", "back" if seconds < 0 else "ahead", abs(seconds))
        with self._store.write() as session:
            pulled = _pull(session, now) if seconds < 0 else 0
            said = {"seconds": seconds, "due_at_once": pulled}
            self._journal.write(session, actor=HANDOVER, action="clock.set", data=said)


def _pull(session: Session, now: datetime) -> int:
    """Make due what waits for another try, or for a moment that was now; return how many rows that was."""
    at_once = select(Case.id).where(col(Case.immediate))
    pulled = 0
    for model in (Access, Restoration):
        waits = sa.and_(col(model.state) == WorkState.DUE, col(model.due_at) > now)
        now_once = sa.or_(col(model.attempt) > 0, col(model.case_id).in_(at_once))
        pulled += session.connection().execute(sa.update(model).where(waits, now_once).values(due_at=now)).rowcount
    session.execute(sa.update(Post).where(col(Post.next_try_at) > now).values(next_try_at=None))
    return pulled
