"""Detection of clock jumps: a jump is recorded, and urgent work is made due.

A row that was postponed by ten seconds would wait for an hour and ten seconds after the clock went back by an hour.
Work that is due at a time chosen by people is left alone: that time still comes.

The clock may have been ahead for a moment, perhaps while Handover did not run. Its traces remain in the rows. A failed
try is repeated within minutes, or at the vendor's time, which is a day at most. Work that waits longer for another try
is made due now. A message that Slack did not take is tried again within seconds, and never waits longer than
`MIN_JUMP`.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from workflows.ports import Clock
from workflows.storage import outbox
from workflows.storage.database_clock import elapsed
from workflows.storage.journal import HANDOVER, Journal
from workflows.storage.rows.access import Access, Restoration
from workflows.storage.rows.case import Case
from workflows.storage.rows.outbox import OutboxMessage
from workflows.storage.rows.watch import ExportSnapshot, FollowUp
from workflows.storage.rows.work_state import WorkRow, WorkState
from workflows.storage.store import Store
from workflows.storage.work import again

log = logging.getLogger(__name__)
MIN_JUMP = timedelta(minutes=1)
"""Smallest jump. Less is a correction of the clock, gradual or after a short pause."""
FAR = timedelta(days=2)
RETRIED: tuple[type[WorkRow], ...] = (Access, Restoration, ExportSnapshot, FollowUp)
"""Rows whose attempts after the first are all repetitions. A book or a manual step may wait for its day again."""


class ClockJumps:
    """Comparison of the clock with the time that has passed."""

    def __init__(self, store: Store, journal: Journal, clock: Clock, elapsed: Callable[[], float] = elapsed) -> None:
        self._store, self._journal, self._clock, self._elapsed = store, journal, clock, elapsed
        self._seen: tuple[datetime, float] | None = None

    @property
    def stepped_back(self) -> bool:
        """Return whether the clock was set back since the last check, by a jump that is not handled yet."""
        return self._jump(self._clock.now(), self._elapsed()) <= -MIN_JUMP

    def check(self) -> timedelta:
        """Return how far the clock was set since the last check. A jump of `MIN_JUMP` or more is handled first."""
        now, passed = self._clock.now(), self._elapsed()
        jump = self._jump(now, passed)
        if abs(jump) >= MIN_JUMP:
            self._note(jump, now)
        self._seen = now, passed
        return jump

    def _jump(self, now: datetime, passed: float) -> timedelta:
        if self._seen is None:
            return timedelta(0)
        return now - self._seen[0] - timedelta(seconds=passed - self._seen[1])

    def _note(self, jump: timedelta, now: datetime) -> None:
        seconds = int(jump.total_seconds())
        log.warning("the clock was set %s by %s s", "back" if seconds < 0 else "ahead", abs(seconds))
        self._journal.seal()  # entries with later times come before this one in the chain
        with self._store.write() as session:
            made_due = _make_due(session, now) if seconds < 0 else 0
            facts = {"seconds": seconds, "due_at_once": made_due}
            self._journal.write(session, actor=HANDOVER, action="clock.set", data=facts)


def _make_due(session: Session, now: datetime) -> int:
    """Make rows due that wait for another try or for a moment that was now; return their number."""
    at_once = select(Case.id).where(col(Case.immediate))
    made_due = 0
    for model in (Access, Restoration):
        waits = sa.and_(col(model.state) == WorkState.DUE, col(model.due_at) > now)
        now_once = sa.or_(col(model.attempt) > 0, col(model.case_id).in_(at_once))
        made_due += session.connection().execute(sa.update(model).where(waits, now_once).values(due_at=now)).rowcount
    session.execute(sa.update(OutboxMessage).where(col(OutboxMessage.next_try_at) > now).values(next_try_at=None))
    return made_due


def heal(store: Store, journal: Journal, clock: Clock) -> int:
    """Make rows due that wait too long for their next try; return their number."""
    healed, now = 0, clock.now()
    for model in RETRIED:
        far = select(model).where(model.state == WorkState.DUE, model.attempt > 0, col(model.due_at) > now + FAR)
        with store.read() as session:
            if session.exec(far.limit(1)).first() is None:
                continue
        with store.write() as session:
            for row in session.exec(far.with_for_update()):
                facts = {"work": model.__name__, "row": row.id, "was due": row.due_at.isoformat()}
                case_id = row.id.partition(":")[0]
                journal.write(session, actor=HANDOVER, action="clock.jumped", case_id=case_id, data=facts)
                again(session, row, now)
                healed += 1
    return healed + _heal_posts(store, clock)


def _heal_posts(store: Store, clock: Clock) -> int:
    far = sa.and_(outbox.is_behind(), col(OutboxMessage.next_try_at) > clock.now() + MIN_JUMP)
    with store.read() as session:
        if session.exec(select(OutboxMessage.id).where(far).limit(1)).first() is None:
            return 0
    with store.write() as session:
        return session.connection().execute(sa.update(OutboxMessage).where(far).values(next_try_at=None)).rowcount
