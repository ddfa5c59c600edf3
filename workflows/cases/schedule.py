"""The schedule of a case: its day, moved while nothing has begun, and the end of the checks."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from workflows.access import manual_steps, restriction
from workflows.cases.ending import cancel_open_work
from workflows.cases.holds import Holds
from workflows.clients.approvals.decisions import DecisionRegister
from workflows.context import Context
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.case import read_case, refresh_case_message
from workflows.storage.outbox import request_update
from workflows.storage.rows.access import Access
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import BookHandover, BookPhase
from workflows.storage.rows.watch import ExportSnapshot, FollowUp, SnapshotOccasion
from workflows.storage.rows.work_state import WorkState

FARTHEST = timedelta(days=731)
"""The latest lock-out: no notice is longer, and a slip in the year (2206) would keep access forever."""


def refuse_far_day(at: datetime, now: datetime) -> None:
    """Refuse a day too far ahead. Raises `Refused(FAR_TIME)`."""
    if at > now + FARTHEST:
        raise Refused(Code.FAR_TIME, at=at.isoformat(), year=str(at.year))


class Schedule:
    """Reschedules and closes cases."""

    def __init__(self, context: Context, decisions: DecisionRegister, days: Sequence[int], holds: Holds) -> None:
        """`days`: days of the follow-ups. `holds`: decides whether the case must wait on its new day."""
        self._store, self._vault, self._journal = context.store, context.vault, context.journal
        self._systems, self._clock, self._findings = context.systems, context.clock, context.findings
        self._decisions, self._days, self._holds = decisions, tuple(days), holds

    def move(self, case_id: str, at: datetime, by: Actor) -> None:
        """Move a case that has not begun, with all its work, to another time. A held case stays held.

        Raises `Refused`: NOT_OPEN, PAST_TIME, FAR_TIME, NOTHING_CHANGED.
        """
        now, people = self._clock.now(), self._holds.people(at)
        with self._store.write() as session:
            case, _ = read_case(session, self._vault, case_id)
            session.refresh(case, with_for_update=True)
            begun = case.state not in (CaseState.SCHEDULED, CaseState.HELD) or case.immediate
            if begun or (case.state == CaseState.SCHEDULED and case.effective_at <= now):
                raise Refused(Code.NOT_OPEN, case=case_id, state=case.state)
            if at <= now:
                raise Refused(Code.PAST_TIME, at=at.isoformat())
            refuse_far_day(at, now)
            if at == case.effective_at:
                raise Refused(Code.NOTHING_CHANGED, case=case_id)
            old, case.effective_at = case.effective_at, at
            session.add(case)
            self._move_work(session, case)
            data = {"from": old.isoformat(), "to": at.isoformat()}
            self._journal.write(session, actor=by, action="case.rescheduled", case_id=case_id, data=data)
            if why := self._holds.rejudge(session, case, people):
                self._holds.hold(session, case, why)
            refresh_case_message(session, case_id)
            request_update(session, f"held:{case_id}")

    def _move_work(self, session: Session, case: Case) -> None:
        moved = {SnapshotOccasion.day(day): case.effective_at + timedelta(days=day) for day in self._days}
        moved[SnapshotOccasion.LOCK] = case.effective_at
        session.execute(sa.update(Access).where(col(Access.case_id) == case.id).values(due_at=case.effective_at))
        manual_steps.reschedule(session, case)
        restriction.reschedule(session, self._systems, case, self._clock.now())
        session.execute(
            sa.update(BookHandover)
            .where(
                col(BookHandover.case_id) == case.id,
                col(BookHandover.phase) == BookPhase.MOVE,
                col(BookHandover.state) == WorkState.DUE,
            )
            .values(due_at=case.effective_at)
        )
        for row in session.exec(select(FollowUp).where(FollowUp.case_id == case.id)).all():
            row.due_at = case.effective_at + timedelta(days=row.day)
            session.add(row)
        for snapshot in session.exec(select(ExportSnapshot).where(ExportSnapshot.case_id == case.id)).all():
            snapshot.due_at = moved.get(snapshot.occasion, snapshot.due_at)
            session.add(snapshot)

    def close(self, case_id: str, by: Actor) -> None:
        """End the checks of a case after its lock-out, because the person was hired again. Nothing is unlocked.

        Raises `Refused(NOT_OPEN)`.
        """
        with self._store.write() as session:
            case, _ = read_case(session, self._vault, case_id)
            session.refresh(case, with_for_update=True)
            waiting = select(Access.id).where(Access.case_id == case_id, Access.state == WorkState.DUE)
            over = case.state == CaseState.WATCHED or (
                case.state == CaseState.RUNNING and session.exec(waiting).first() is None
            )
            if not over:
                raise Refused(Code.NOT_OPEN, case=case_id, state=case.state)
            case.state = CaseState.CLOSED
            session.add(case)
            cancel_open_work(session, self._decisions, case_id, by)
            self._findings.clear_case(session, case_id, by.id)
            data = {"why": "hired again"}
            self._journal.write(session, actor=by, action="case.closed", case_id=case_id, data=data)
            refresh_case_message(session, case_id)
