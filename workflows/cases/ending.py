"""The end of a case: cancellation of open work, and undo."""

from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from workflows.access import manual_steps, restriction
from workflows.clients.approvals.decisions import DecisionRegister
from workflows.context import Context
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.case import UNWATCHED, read_case, refresh_case_message
from workflows.storage.rows.access import Access, LeaverAccount, Restoration, Restriction, RestrictionPhase
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import BookHandover, Leave
from workflows.storage.rows.watch import ExportSnapshot, FollowUp
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import Task, again

Start = Callable[[str, str, int], None]
"""Starts work at once: task, row, attempt. The engine's `start`, or nothing in a process without an engine."""


def cancel_open_work(session: Session, decisions: DecisionRegister, case_id: str, by: Actor) -> None:
    """Cancel all open work of a case: lock-outs, moves, snapshots, follow-ups, and pending proposals."""
    for model in (Access, BookHandover, ExportSnapshot, FollowUp):
        session.execute(
            sa.update(model)
            .where(col(model.case_id) == case_id, col(model.state) != WorkState.DONE)
            .values(state=WorkState.CANCELLED)
        )
    session.execute(  # a restriction that is being lifted goes on
        sa.update(Restriction)
        .where(
            col(Restriction.case_id) == case_id,
            col(Restriction.state) != WorkState.DONE,
            col(Restriction.phase) == RestrictionPhase.RESTRICT,
        )
        .values(state=WorkState.CANCELLED)
    )
    manual_steps.cancel(session, case_id)
    decisions.cancel(session, case_id, by)


class CaseUndo:
    """Undoes a case: cancels its work and makes a `Restoration` row for each system."""

    def __init__(self, context: Context, decisions: DecisionRegister, start: Start, *, days: int) -> None:
        """`days`: how long after the lock-out a case can be undone."""
        self._store, self._vault, self._journal = context.store, context.vault, context.journal
        self._clock, self._findings = context.clock, context.findings
        self._decisions, self._start, self._days = decisions, start, timedelta(days=days)

    def begin(self, case_id: str, by: Actor) -> None:
        """Undo a case. For an undone case, only retry at once what is still to do.

        Raises `Refused`: NOT_OPEN, NOTHING_LOCKED, TOO_LATE, LATER_CASE.
        """
        now = self._clock.now()
        with self._store.write() as session:
            case, _ = read_case(session, self._vault, case_id)
            session.refresh(case, with_for_update=True)
            if case.state != CaseState.UNDONE:
                self._refuse(session, case)
                self._create_restorations(session, case, by)
            rows = session.exec(
                select(Restoration).where(Restoration.case_id == case_id, Restoration.state == WorkState.DUE)
            ).all()
            for row in rows:
                if row.due_at > now:
                    again(session, row, now)
            due = [(row.id, row.attempt) for row in rows]
            refresh_case_message(session, case_id)
        for row_id, attempt in due:
            self._start(Task.UNDO, row_id, attempt)

    def _refuse(self, session: Session, case: Case) -> None:
        if case.state not in (CaseState.RUNNING, CaseState.WATCHED):
            raise Refused(Code.NOT_OPEN, case=case.id, state=case.state)
        if session.exec(select(LeaverAccount.id).where(LeaverAccount.case_id == case.id)).first() is None:
            raise Refused(Code.NOTHING_LOCKED, case=case.id)
        on_leave = session.get(Leave, case.id) is not None  # a person on leave returns, however late
        if not on_leave and self._clock.now() > case.effective_at + self._days:
            raise Refused(Code.TOO_LATE, case=case.id, days=str(self._days.days))
        later = select(Case.id).where(
            Case.leaver_key == case.leaver_key,
            col(Case.opened_at) > case.opened_at,
            col(Case.state).not_in(UNWATCHED),
            col(Case.effective_at) <= self._clock.now(),
        )
        if other := session.exec(later).first():
            raise Refused(Code.LATER_CASE, case=other)

    def _create_restorations(self, session: Session, case: Case, by: Actor) -> None:
        """Cancel the case, and create a restoration for each system."""
        restriction.lift(session, case.id, self._clock.now())
        cancel_open_work(session, self._decisions, case.id, by)
        case.state = CaseState.UNDONE
        session.add(case)
        for access in session.exec(select(Access).where(Access.case_id == case.id)).all():
            session.add(Restoration(id=access.id, case_id=case.id, system=access.system, due_at=self._clock.now()))
        self._findings.clear_case(session, case.id, by.id)
        self._journal.write(session, actor=by, action="case.undone", case_id=case.id)
        session.flush()
