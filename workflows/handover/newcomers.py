"""Records that came to a leaver after the handover: something still assigns new ones to somebody who is not there."""

import sqlalchemy as sa
from sqlmodel import Session, col, select

from workflows.model import Assignment, AssignmentState, Book, WorkState

LEFT = (AssignmentState.PROPOSED, AssignmentState.APPROVED, AssignmentState.DECLINED, AssignmentState.STOPPED)
"""Known to be with the leaver still: such a record is no newcomer."""


def words(session: Session, case_id: str, system: str, owned: int) -> str:
    """Say how many records the leaver owns without a reason, and how many of them are new since the book was done."""
    book = session.get(Book, f"{case_id}:{system}")
    if book is None or book.state != WorkState.DONE:
        return f"{owned} records are still owned by the leaver"
    left = session.exec(
        select(sa.func.count()).where(
            Assignment.case_id == case_id, Assignment.system == system, col(Assignment.state).in_(LEFT)
        )
    ).one()
    new = owned - left
    if new <= 0:
        return f"{owned} records are still owned by the leaver"
    return (
        f"{owned} records are owned by the leaver, {new} of them new since the handover: "
        "whatever assigns new records still names the leaver"
    )
