"""The machine's clock set back or ahead while we run: noticed, put on record, and nothing urgent waits for it.

A row that was put off for ten seconds would wait for an hour and ten seconds after the clock went back by an hour. What
is due at a time that people chose is left alone: that time still comes.

A clock that was ahead for a moment, perhaps while we did not run, is found by what it left: a try that failed is
repeated within minutes, or when the vendor said, which is a day at most. What waits longer for another try is due now;
a message that Slack did not take is tried again within seconds, and never waits for longer than a notable leap.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from workflows.ports import Clock
from workflows.storage import outbox
from workflows.storage.journal import HANDOVER, Journal
from workflows.storage.rows.access import Access, Restoration
from workflows.storage.rows.case import Case
from workflows.storage.rows.outbox import OutboxMessage
from workflows.storage.rows.watch import ExportSnapshot, FollowUp
from workflows.storage.rows.work_state import WorkState
from workflows.storage.store import Store
from workflows.storage.work import Work, again

log = logging.getLogger(__name__)
MIN_JUMP = timedelta(minutes=1)
"""Less is a clock being set right, little by little or after a short pause."""
FAR = timedelta(days=2)
RETRIED: tuple[type[Work], ...] = (Access, Restoration, ExportSnapshot, FollowUp)
"""Rows whose every attempt after the first is a repetition; a book or a manual step may wait for its day again."""


def elapsed() -> float:
    """Return seconds that nobody sets, and that go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class ClockJumps:
    """Compares the clock with the time that has passed."""

    def __init__(self, store: Store, journal: Journal, clock: Clock, elapsed: Callable[[], float] = elapsed) -> None:
        self._store, self._journal, self._clock, self._elapsed = store, journal, clock, elapsed
        self._seen: tuple[datetime, float] | None = None

    def check(self) -> timedelta:
        """Return how far the clock was set since the last look; where that is notable, act on it first."""
        now, passed = self._clock.now(), self._elapsed()
        leap = timedelta(0)
        if self._seen is not None:
            leap = now - self._seen[0] - timedelta(seconds=passed - self._seen[1])
        if abs(leap) >= MIN_JUMP:
            self._note(leap, now)
        self._seen = now, passed
        return leap

    def _note(self, leap: timedelta, now: datetime) -> None:
        seconds = int(leap.total_seconds())
        log.warning("the clock was set %s by %s s", "back" if seconds < 0 else "ahead", abs(seconds))
        with self._store.write() as session:
            pulled = _make_due(session, now) if seconds < 0 else 0
            said = {"seconds": seconds, "due_at_once": pulled}
            self._journal.write(session, actor=HANDOVER, action="clock.set", data=said)


def _make_due(session: Session, now: datetime) -> int:
    """Make due what waits for another try, or for a moment that was now; return how many rows that was."""
    at_once = select(Case.id).where(col(Case.immediate))
    pulled = 0
    for model in (Access, Restoration):
        waits = sa.and_(col(model.state) == WorkState.DUE, col(model.due_at) > now)
        now_once = sa.or_(col(model.attempt) > 0, col(model.case_id).in_(at_once))
        pulled += session.connection().execute(sa.update(model).where(waits, now_once).values(due_at=now)).rowcount
    session.execute(sa.update(OutboxMessage).where(col(OutboxMessage.next_try_at) > now).values(next_try_at=None))
    return pulled


def heal(store: Store, journal: Journal, clock: Clock) -> int:
    """Make due what waits too long for its next try; return how many there were."""
    healed = 0
    for model in RETRIED:
        with store.read() as session:
            rows = session.exec(
                select(model.id).where(
                    model.state == WorkState.DUE, model.attempt > 0, col(model.due_at) > clock.now() + FAR
                )
            ).all()
        for row_id in rows:
            healed += _pull_one(store, journal, clock, model, row_id)
    return healed + _heal_posts(store, clock)


def _heal_posts(store: Store, clock: Clock) -> int:
    far = sa.and_(outbox.is_behind(), col(OutboxMessage.next_try_at) > clock.now() + MIN_JUMP)
    with store.read() as session:
        if session.exec(select(OutboxMessage.id).where(far).limit(1)).first() is None:
            return 0
    with store.write() as session:
        return session.connection().execute(sa.update(OutboxMessage).where(far).values(next_try_at=None)).rowcount


def _pull_one(store: Store, journal: Journal, clock: Clock, model: type[Work], row_id: str) -> bool:
    now = clock.now()
    with store.write() as session:
        row = session.get_one(model, row_id, with_for_update=True)
        if row.state != WorkState.DUE or row.due_at <= now + FAR:
            return False
        said = {"work": model.__name__, "row": row_id, "was due": row.due_at.isoformat()}
        journal.write(session, actor=HANDOVER, action="clock.jumped", case_id=row_id.partition(":")[0], data=said)
        again(session, row, now)
    return True
