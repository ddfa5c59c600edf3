"""Handovers for a time: on the day of return, people are asked whether the clients go back. No answer moves nothing.

Putting clients back is the undo of the handover, with its rules: a record that changed hands since stays.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from workflows.authorization import Right
from workflows.clients.context import ClientContext
from workflows.clients.views import LeaveView
from workflows.news import Event, tell_change
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.case import read_case, refresh_case_message
from workflows.storage.journal import HANDOVER
from workflows.storage.outbox import enqueue, request_update
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import Assignment, AssignmentState, BookHandover, Leave, LeaveAnswer
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again, finish

DAILY = timedelta(days=1)


class Leaves:
    """Asks on the day of return, and records the answer."""

    def __init__(self, context: ClientContext) -> None:
        self._context = context

    def run(self, row_id: str) -> None:
        """Ask, and check again every day until somebody has answered. A row that is not due is left alone."""
        with self._context.store.write() as session:
            row = session.get_one(Leave, row_id, with_for_update=True)
            now = self._context.clock.now()
            if row.state != WorkState.DUE or row.due_at > now:
                return
            if session.get_one(Case, row.case_id).state == CaseState.CANCELLED:
                row.state = WorkState.CANCELLED
                session.add(row)
                return
            handed_over = session.exec(
                select(Assignment.id)
                .where(Assignment.case_id == row.case_id, Assignment.state == AssignmentState.MOVED)
                .limit(1)
            ).first()
            under_way = select(BookHandover.id).where(
                BookHandover.case_id == row.case_id,
                col(BookHandover.state).not_in((WorkState.DONE, WorkState.CANCELLED)),
            )
            if handed_over and row.asked_at is None:
                row.asked_at = now
                self._context.journal.write(session, actor=HANDOVER, action="leave.asked", case_id=row.case_id)
            if handed_over or session.exec(under_way).first():
                again(session, row, now + DAILY)
            else:  # the handover ended with nothing moved: nobody needs to be asked
                row.answer, row.answered_at = LeaveAnswer.NOTHING, now
                finish(session, row)
            self._show(session, row)

    def stay(self, case_id: str, by: Actor) -> None:
        """Leave the clients with their successors. Raises `Refused`: NOBODY_RETURNS, ALREADY_ANSWERED."""
        self._context.authorization.require(Right.PUT_BACK, by, case_id)
        with self._context.store.write() as session:
            row = self._open(session, case_id)
            answer(session, row, by, LeaveAnswer.STAY, self._context.clock.now())
            self._context.journal.write(session, actor=by, action="leave.stay", case_id=case_id)
            self._show(session, row)

    def move(self, case_id: str, at: datetime, by: Actor) -> None:
        """Move the return to another day. Raises `Refused`: NOBODY_RETURNS, ALREADY_ANSWERED, PAST_TIME."""
        self._context.authorization.require(Right.PUT_BACK, by, case_id)
        now = self._context.clock.now()
        with self._context.store.write() as session:
            row = self._open(session, case_id)
            if at <= now:
                raise Refused(Code.PAST_TIME, at=at.isoformat())
            old, row.return_on, row.asked_at = row.return_on, at, None
            again(session, row, at)
            self._context.journal.write(
                session,
                actor=by,
                action="leave.moved",
                case_id=case_id,
                data={"from": old.isoformat(), "to": at.isoformat()},
            )
            data = read_case(session, self._context.vault, case_id)[1]
            tell_change(self._context, session, case_id, data, Event.RETURNS, by, at.astimezone(UTC).isoformat())
            self._show(session, row)

    def _open(self, session: Session, case_id: str) -> Leave:
        read_case(session, self._context.vault, case_id)
        row = session.get(Leave, case_id, with_for_update=True)
        if row is None or row.state == WorkState.CANCELLED:
            raise Refused(Code.NOBODY_RETURNS, case=case_id)
        if row.state != WorkState.DUE:
            raise Refused(
                Code.ALREADY_ANSWERED, by=row.answered_by, at=row.answered_at.isoformat() if row.answered_at else ""
            )
        return row

    def _show(self, session: Session, row: Leave) -> None:
        refresh_case_message(session, row.case_id)
        shown = select(OutboxMessage.id).where(  # each says until when the handover is
            OutboxMessage.case_id == row.case_id,
            col(OutboxMessage.kind).in_((MessageKind.NOTE, MessageKind.PROPOSAL)),
            OutboxMessage.ts != "",
        )
        for message in session.exec(shown).all():
            request_update(session, message)
        if row.asked_at is not None:
            enqueue(
                session,
                id=f"return:{row.case_id}",
                kind=MessageKind.RETURN,
                subject=row.case_id,
                case_id=row.case_id,
                channel="",
                thread_of=f"case:{row.case_id}",
            )


def create_return(session: Session, case: Case, return_on: datetime | None, *, keeps_access: bool) -> None:
    """Create the return, in the transaction that opens the case. Raises `Refused(OPEN_CASE)`: on leave already."""
    if keeps_access:
        same = select(Case.id).where(Case.leaver_key == case.leaver_key, Case.id != case.id, going_on())
        if other := session.exec(same).first():
            raise Refused(Code.OPEN_CASE, case=other)
    if return_on is not None:
        session.add(
            Leave(
                id=case.id,
                case_id=case.id,
                state=WorkState.DUE,
                due_at=return_on,
                return_on=return_on,
                keeps_access=keeps_access,
            )
        )


def create_leave_work(session: Session, case: Case, books: Sequence[str], now: datetime) -> None:
    """Create the work of a case that keeps access: only the books are handed over."""
    for system in books:
        session.add(
            BookHandover(id=f"{case.id}:{system}", case_id=case.id, system=system, state=WorkState.DUE, due_at=now)
        )


def answer(session: Session, row: Leave, by: Actor, given: LeaveAnswer, now: datetime) -> None:
    """Record the answer, and end the work."""
    row.answer, row.answered_by, row.answered_at = given, by.name or by.id, now
    finish(session, row)


def put_back(session: Session, case_id: str, by: Actor, now: datetime) -> None:
    """Record an undo of the whole handover as the answer, in its transaction."""
    row = session.get(Leave, case_id, with_for_update=True)
    if row is not None and row.state == WorkState.DUE:
        answer(session, row, by, LeaveAnswer.PUT_BACK, now)
        request_update(session, f"return:{case_id}")


def ask_again(session: Session, case_id: str, now: datetime) -> None:
    """Take back the answer that `put_back` recorded, after that was called off."""
    row = session.get(Leave, case_id, with_for_update=True)
    if row is not None and row.answer == LeaveAnswer.PUT_BACK:
        row.answer, row.answered_by, row.answered_at = LeaveAnswer.NONE, "", None
        again(session, row, max(now, row.return_on))
        request_update(session, f"return:{case_id}")


def going_on() -> sa.ColumnElement[bool]:
    """Return the condition that the person of a case is on leave and the return is not answered."""
    waits = select(Leave.id).where(Leave.case_id == Case.id, Leave.state == WorkState.DUE).exists()
    return sa.and_(col(Case.state) == CaseState.ON_LEAVE, waits)


def view(row: Leave) -> LeaveView:
    """Return the return as people are shown it."""
    return LeaveView(
        row.return_on, row.keeps_access, row.asked_at, LeaveAnswer(row.answer), row.answered_by, row.answered_at
    )


def until(session: Session, case_id: str) -> datetime | None:
    """Return the day of return; None where nobody returns or the answer is given."""
    row = session.get(Leave, case_id)
    return row.return_on if row and not row.answer else None
