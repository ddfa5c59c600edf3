"""Ending the work of a case for good: what no longer happens once it is undone, rejected or closed."""

import sqlalchemy as sa
from sqlmodel import Session, col

from workflows import manual
from workflows.handover import Handover
from workflows.model import Access, Book, ExportSnapshot, FollowUp, Restriction, WorkState
from workflows.views import Actor


def stop(session: Session, handover: Handover, case_id: str, by: Actor) -> None:
    """Cancel whatever is not done: lock-outs, moves, snapshots, follow-ups, and proposals that wait for a decision."""
    for model in (Access, Book, ExportSnapshot, FollowUp):
        session.execute(
            sa.update(model)
            .where(col(model.case_id) == case_id, col(model.state) != WorkState.DONE)
            .values(state=WorkState.CANCELLED)
        )
    session.execute(  # what is being given back is given back
        sa.update(Restriction)
        .where(
            col(Restriction.case_id) == case_id,
            col(Restriction.state) != WorkState.DONE,
            col(Restriction.phase) == "restrict",
        )
        .values(state=WorkState.CANCELLED)
    )
    manual.cancel(session, case_id)
    handover.cancel(session, case_id, by)
