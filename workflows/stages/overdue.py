"""Stages whose day is over and that never began: an audit finds what no try could report."""

from datetime import timedelta

from sqlmodel import col, select

from config.text import _
from workflows.context import Context
from workflows.stages import outcome
from workflows.storage.case import UNWATCHED
from workflows.storage.rows.case import Case
from workflows.storage.rows.stages import Stage
from workflows.storage.rows.work_state import WorkState

AFTER = timedelta(days=1)
"""Time after a stage's own time at which it is overdue."""


def report(context: Context, by: str) -> int:
    """Open a finding for each stage that is overdue; return their number. The first try that ends it closes it."""
    late = (
        select(Stage)
        .join(Case, col(Case.id) == col(Stage.case_id))
        .where(
            Stage.state == WorkState.DUE,
            col(Stage.begun_at).is_(None),
            col(Stage.planned_at) < context.clock.now() - AFTER,
            col(Case.state).not_in(UNWATCHED),
        )
    )
    with context.store.read() as session:
        found = session.exec(late).all()
    for row in found:
        with context.store.write() as session:
            detail = _("the day of the stage is over, and nothing of it was begun")
            outcome.report_overdue(context, session, row, detail, by)
    return len(found)
