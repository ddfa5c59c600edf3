"""Work on duties as a case begins, moves and ends: created, put off, put back, or called off."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from connectors.contract import Duties
from workflows.access.duty_rows import OVER, DecisionData, rows_of
from workflows.access.duty_work import lead
from workflows.context import Context
from workflows.storage.rows.case import Case
from workflows.storage.rows.duties import DutyDecision, DutyReview
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again
from workflows.systems.registry import Systems


def create_review(session: Session, systems: Systems, case: Case, now: datetime) -> None:
    """Add the question about the duties of a new case, where a system lists any, in the caller's transaction."""
    if systems.with_capability(Duties):
        session.add(DutyReview(id=case.id, case_id=case.id, state=WorkState.DUE, due_at=now))


def reschedule(context: Context, session: Session, case: Case) -> None:
    """Move what waits for the case's day to its new one, in the caller's transaction."""
    now = context.clock.now()
    for row in rows_of(session, case.id):
        waits = row.state in (WorkState.DUE, WorkState.PLANNED)
        if waits and not DecisionData.of(context.vault, case.wrapped_key, row).image:
            row.due_at = max(now, case.effective_at - lead(context.systems.get(row.system), case))
            session.add(row)
    review = session.get(DutyReview, case.id)
    if review is not None and review.told_at is None and review.state == WorkState.DUE:
        again(session, review, now)


def lift(session: Session, case: Case, now: datetime) -> None:
    """Have everything put back that was changed, in the caller's transaction that cancels or undoes the case.

    Each row is looked at again. One that changed nothing ends there.
    """
    for row in rows_of(session, case.id):
        again(session, row, now)
    _end_review(session, case.id)


def end(session: Session, case: Case) -> None:
    """Call off what waits, for a case that ended without an undo, in the caller's transaction."""
    if case.state in OVER:
        return
    waiting = sa.update(DutyDecision).where(
        col(DutyDecision.case_id) == case.id, col(DutyDecision.state) != WorkState.DONE
    )
    session.execute(waiting.values(state=WorkState.CANCELLED))
    _end_review(session, case.id)


def _end_review(session: Session, case_id: str) -> None:
    session.execute(
        sa.update(DutyReview)
        .where(col(DutyReview.case_id) == case_id, col(DutyReview.state) != WorkState.DONE)
        .values(state=WorkState.CANCELLED)
    )
