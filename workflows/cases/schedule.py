"""The schedule of a case: its day, moved while nothing has begun, the end of the checks, and undo."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from workflows.access import duty_schedule, manual_steps, restriction
from workflows.cases.holds import CLOSED, MOVED, UNDONE, Holds, end_case, seal_end
from workflows.clients.approvals.decisions import DecisionRegister
from workflows.clients.approvals.requests import refresh_pending
from workflows.context import Context
from workflows.news import Event, tell_change
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.stages import days as stage_days
from workflows.storage.case import UNWATCHED, read_case, refresh_case_message
from workflows.storage.outbox import request_update
from workflows.storage.rows.access import Access, LeaverAccount, Restoration
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import BookHandover, BookPhase, Leave
from workflows.storage.rows.watch import ExportSnapshot, FollowUp, SnapshotOccasion
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import Task, again

Start = Callable[[str, str, int], None]
"""Starts work at once: task, row, attempt. The engine's `start`, or nothing in a process without an engine."""
UNDOABLE = (CaseState.RUNNING, CaseState.WATCHED, CaseState.CLOSED)
"""States of a case that has locked, so that access can be given back. Closing a case gives nothing back."""
FARTHEST = timedelta(days=731)
"""The latest lock-out: no notice is longer, and a slip in the year (2206) would keep access forever."""


def refuse_far_day(at: datetime, now: datetime) -> None:
    """Refuse a day too far ahead. Raises `Refused(FAR_TIME)`."""
    if at > now + FARTHEST:
        raise Refused(Code.FAR_TIME, at=at.isoformat(), year=str(at.year))


class Schedule:
    """Reschedules, closes and undoes cases."""

    def __init__(
        self, context: Context, decisions: DecisionRegister, holds: Holds, start: Start, *, undo_days: int
    ) -> None:
        """Take `holds`, which decides whether the case must wait on its new day.

        `undo_days`: how long after the lock-out a case can be undone.
        """
        self._context = context
        self._store, self._vault, self._journal = context.store, context.vault, context.journal
        self._systems, self._clock, self._findings = context.systems, context.clock, context.findings
        self._decisions, self._holds = decisions, holds
        self._start, self._undo_days = start, timedelta(days=undo_days)

    def move(self, case_id: str, at: datetime, by: Actor) -> None:
        """Move a case that has not begun, with all its work, to another time. A held case stays held.

        Raises `Refused`: NOT_OPEN, PAST_TIME, FAR_TIME, SAME_TIME.
        """
        now, people = self._clock.now(), self._holds.people(at)
        with self._store.write() as session:
            case, data = read_case(session, self._vault, case_id)
            session.refresh(case, with_for_update=True)
            begun = case.state not in (CaseState.SCHEDULED, CaseState.HELD) or case.immediate
            if begun or (case.state == CaseState.SCHEDULED and case.effective_at <= now):
                raise Refused(Code.NOT_OPEN, case=case_id, state=case.state)
            if at <= now:
                raise Refused(Code.PAST_TIME, at=at.isoformat())
            refuse_far_day(at, now)
            if at == case.effective_at:
                raise Refused(Code.SAME_TIME, case=case_id)
            old, case.effective_at = case.effective_at, at
            session.add(case)
            self._move_work(session, case)
            stage_days.reschedule(session, case, data.leaver.timezone)
            self._journal.write(
                session,
                actor=by,
                action=MOVED,
                case_id=case_id,
                data={"from": old.isoformat(), "to": at.isoformat()},
                sealed=self._vault.seal(case.wrapped_key, by, f"{MOVED}:{case_id}"),
            )
            if why := self._holds.rejudge(session, case, people):
                self._holds.hold(session, case, why)
            refresh_case_message(session, case_id)
            request_update(session, f"held:{case_id}")
            refresh_pending(session, case_id)
            tell_change(self._context, session, case_id, data, Event.RESCHEDULED, by, at.astimezone(UTC).isoformat())

    def _move_work(self, session: Session, case: Case) -> None:
        session.execute(sa.update(Access).where(col(Access.case_id) == case.id).values(due_at=case.effective_at))
        manual_steps.reschedule(session, case)
        restriction.reschedule(session, self._systems, case, self._clock.now())
        duty_schedule.reschedule(self._context, session, case)
        session.execute(
            sa.update(BookHandover)
            .where(
                col(BookHandover.case_id) == case.id,
                col(BookHandover.phase) == BookPhase.MOVE,
                col(BookHandover.state) == WorkState.DUE,
            )
            .values(due_at=case.effective_at)
        )
        moved = {SnapshotOccasion.LOCK.value: case.effective_at}
        for row in session.exec(select(FollowUp).where(FollowUp.case_id == case.id)).all():
            row.due_at = moved[SnapshotOccasion.day(row.day)] = case.effective_at + timedelta(days=row.day)
            session.add(row)
        for snapshot in session.exec(select(ExportSnapshot).where(ExportSnapshot.case_id == case.id)).all():
            snapshot.due_at = moved.get(snapshot.occasion, snapshot.due_at)
            session.add(snapshot)

    def close(self, case_id: str, by: Actor) -> None:
        """End the checks of a case after its lock-out, because the person was hired again. Nothing is unlocked.

        Raises `Refused(NOT_OPEN)`.
        """
        with self._store.write() as session:
            case, data = read_case(session, self._vault, case_id)
            session.refresh(case, with_for_update=True)
            waiting = select(Access.id).where(Access.case_id == case_id, Access.state == WorkState.DUE)
            over = case.state == CaseState.WATCHED or (
                case.state == CaseState.RUNNING and session.exec(waiting).first() is None
            )
            if not over:
                raise Refused(Code.NOT_OPEN, case=case_id, state=case.state)
            end_case(session, self._decisions, case, CaseState.CLOSED, by)
            self._findings.clear_case(session, case_id, by.id)
            sealed = seal_end(self._vault, case, by)
            why = {"why": "hired again"}
            self._journal.write(session, actor=by, action=CLOSED, case_id=case_id, data=why, sealed=sealed)
            tell_change(self._context, session, case_id, data, Event.ENDED, by)
            refresh_case_message(session, case_id)

    def undo(self, case_id: str, by: Actor, reason: str) -> None:
        """Undo a case. For an undone case, only retry at once what is still to do.

        Raises `Refused`: NOT_OPEN, NEEDS_REASON, NOTHING_LOCKED, TOO_LATE, LATER_CASE.
        """
        now = self._clock.now()
        with self._store.write() as session:
            case, _ = read_case(session, self._vault, case_id)
            session.refresh(case, with_for_update=True)
            if case.state != CaseState.UNDONE:
                self._refuse(session, case)
                if not reason:
                    raise Refused(Code.NEEDS_REASON)
                self._create_restorations(session, case, by, reason)
            rows = session.exec(
                select(Restoration).where(Restoration.case_id == case_id, Restoration.state == WorkState.DUE)
            ).all()
            for row in rows:
                if row.due_at > now:
                    again(session, row, now)
            due = [(Task.UNDO, row.id, row.attempt) for row in rows]
            due += [(Task.STAGE, *one) for one in stage_days.retry_undo(session, case_id, now)]
            refresh_case_message(session, case_id)
        for task, row_id, attempt in due:
            self._start(task, row_id, attempt)

    def _refuse(self, session: Session, case: Case) -> None:
        if case.state not in UNDOABLE:
            raise Refused(Code.NOT_OPEN, case=case.id, state=case.state)
        if session.exec(select(LeaverAccount.id).where(LeaverAccount.case_id == case.id)).first() is None:
            raise Refused(Code.NOTHING_LOCKED, case=case.id)
        on_leave = session.get(Leave, case.id) is not None  # a person on leave returns, however late
        if not on_leave and self._clock.now() > case.effective_at + self._undo_days:
            raise Refused(Code.TOO_LATE, case=case.id, days=str(self._undo_days.days))
        later = select(Case.id).where(
            Case.leaver_key == case.leaver_key,
            col(Case.opened_at) > case.opened_at,
            col(Case.state).not_in(UNWATCHED),
            col(Case.effective_at) <= self._clock.now(),
        )
        if other := session.exec(later).first():
            raise Refused(Code.LATER_CASE, case=other)

    def _create_restorations(self, session: Session, case: Case, by: Actor, reason: str) -> None:
        """Cancel the case, and create a restoration for each system."""
        restriction.lift(session, case.id, self._clock.now())
        duty_schedule.lift(session, case, self._clock.now())
        end_case(session, self._decisions, case, CaseState.UNDONE, by)
        for access in session.exec(select(Access).where(Access.case_id == case.id)).all():
            session.add(Restoration(id=access.id, case_id=case.id, system=access.system, due_at=self._clock.now()))
        self._findings.clear_case(session, case.id, by.id)
        sealed = seal_end(self._vault, case, by, reason)
        self._journal.write(session, actor=by, action=UNDONE, case_id=case.id, sealed=sealed)
        session.flush()
