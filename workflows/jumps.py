"""A clock that was ahead for a while: what was put off by it must not wait for a day that is months away.

A try that failed is repeated within minutes (`work.retry_at`), or when the vendor said, which is a day at most. Work
whose next try lies further off was put off by a clock that has been set right since: it is due now.
"""

from datetime import timedelta

from sqlmodel import col, select

from workflows.journal import HANDOVER, Journal
from workflows.model import Access, ExportSnapshot, FollowUp, Restoration, WorkState
from workflows.ports import Clock
from workflows.store import Store
from workflows.work import Work, again

FAR = timedelta(days=2)
RETRIED: tuple[type[Work], ...] = (Access, Restoration, ExportSnapshot, FollowUp)
"""Rows whose every attempt after the first is a repetition; a book or a manual step may wait for its day again."""


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
            healed += _pull(store, journal, clock, model, row_id)
    return healed


def _pull(store: Store, journal: Journal, clock: Clock, model: type[Work], row_id: str) -> bool:
    now = clock.now()
    with store.write() as session:
        row = session.get_one(model, row_id, with_for_update=True)
        if row.state != WorkState.DUE or row.due_at <= now + FAR:
            return False
        said = {"work": model.__name__, "row": row_id, "was due": row.due_at.isoformat()}
        journal.write(session, actor=HANDOVER, action="clock.jumped", case_id=row_id.partition(":")[0], data=said)
        again(session, row, now)
    return True
