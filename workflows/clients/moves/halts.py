"""Halts of the moves of a case: pause, resume, stop. Requests already sent are finished and recorded."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import _
from workflows.authorization import Right
from workflows.clients.context import ClientContext, only_waits
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.case import read_case
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, AssignmentState, BookHandover, BookPhase, Halt
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again


class Halts:
    """Pauses, resumes and stops the moves of a case. Every method may raise `Refused`."""

    def __init__(self, context: ClientContext) -> None:
        self._context = context

    def pause(self, case_id: str, by: Actor) -> None:
        """Send nothing more until somebody resumes the moves. Raises `Refused`: NOTHING_MOVES, ALREADY_HALTED."""
        self._context.authorization.require(Right.HALT, by, case_id)
        with self._context.store.write() as session:
            for book in self._going(session, case_id, Halt.NONE):
                self._halt(session, book, Halt.PAUSED, by)
                book.state = WorkState.PLANNED
            self._journal(session, case_id, by, "clients.paused")

    def resume(self, case_id: str, by: Actor) -> None:
        """Continue paused moves. Raises `Refused(NOTHING_MOVES)` where nothing is paused."""
        self._context.authorization.require(Right.HALT, by, case_id)
        with self._context.store.write() as session:
            paused = [book for book in self._books(session, case_id) if book.halted == Halt.PAUSED]
            if not paused:
                raise Refused(Code.NOTHING_MOVES, case=case_id)
            for book in paused:
                self._halt(session, book, Halt.NONE, by)
                again(session, book, max(self._context.clock.now(), session.get_one(Case, case_id).effective_at))
            self._journal(session, case_id, by, "clients.resumed")

    def stop(self, case_id: str, by: Actor) -> int:
        """Move nothing more, and leave what has moved; return how many records were still to be moved.

        Retry proposes them again. Raises `Refused`: NOTHING_MOVES, ALREADY_HALTED.
        """
        self._context.authorization.require(Right.HALT, by, case_id)
        with self._context.store.write() as session:
            left = 0
            for book in self._going(session, case_id, Halt.NONE, Halt.PAUSED):
                approved = (
                    col(Assignment.case_id) == case_id,
                    col(Assignment.system) == book.system,
                    col(Assignment.state) == AssignmentState.APPROVED,
                )
                left += session.exec(select(sa.func.count()).select_from(Assignment).where(*approved)).one()
                session.execute(sa.update(Assignment).where(*approved).values(state=AssignmentState.STOPPED))
                self._halt(session, book, Halt.STOPPED, by)
                again(session, book, self._context.clock.now())  # this attempt counts, and settles the book
            self._journal(session, case_id, by, "clients.stopped", left)
            return left

    def approve_again(self, case_id: str, by: Actor) -> int:
        """Ask the people again about every approved record that has not moved; return how many there are.

        For decisions whose marks cannot be checked any more. Raises `Refused`: NOTHING_MOVES, and by authorization.
        """
        self._context.authorization.require(Right.RETRY, by, case_id)
        with self._context.store.write() as session:
            mine = col(Assignment.case_id) == case_id, col(Assignment.state) == AssignmentState.APPROVED
            waiting = select(Assignment.system, sa.func.count()).where(*mine).group_by(Assignment.system)
            counts = dict(session.exec(waiting).all())
            if not counts:
                raise Refused(Code.NOTHING_MOVES, case=case_id)
            session.execute(sa.update(Assignment).where(*mine).values(state=AssignmentState.STOPPED))
            for system in counts:
                book = session.get_one(BookHandover, f"{case_id}:{system}", with_for_update=True)
                book.phase, book.reason, book.halted = BookPhase.LIST, "", Halt.NONE
                again(session, book, self._context.clock.now())
            self._context.journal.write(
                session, actor=by, action="clients.approve_again", case_id=case_id, data={"records": counts}
            )
            self._context.show_case(session, case_id)
        return sum(counts.values())

    def _books(self, session: Session, case_id: str) -> Sequence[BookHandover]:
        """Return the books of a case that have moves to halt. What a system accepted cannot be halted."""
        read_case(session, self._context.vault, case_id)
        found = session.exec(
            select(BookHandover)
            .where(
                BookHandover.case_id == case_id,
                BookHandover.phase == BookPhase.MOVE,
                col(BookHandover.state).in_((WorkState.DUE, WorkState.PLANNED)),
            )
            .order_by(col(BookHandover.id))
            .with_for_update()
        ).all()
        return [book for book in found if not only_waits(session, book)]

    def _going(self, session: Session, case_id: str, *halts: Halt) -> Sequence[BookHandover]:
        """Return the books whose moves are in one of these states. Raises `Refused`: NOTHING_MOVES, ALREADY_HALTED."""
        books = self._books(session, case_id)
        if not books:
            raise Refused(Code.NOTHING_MOVES)
        going = [book for book in books if book.halted in halts]
        if not going:
            at = books[0].halted_at.isoformat() if books[0].halted_at else ""
            raise Refused(Code.ALREADY_HALTED, what=_(books[0].halted), by=books[0].halted_by, at=at)
        return going

    def _halt(self, session: Session, book: BookHandover, halt: Halt, by: Actor) -> None:
        book.halted, book.halted_by = halt, by.name or by.id
        book.halted_at = self._context.clock.now() if halt else None
        session.add(book)

    def _journal(self, session: Session, case_id: str, by: Actor, action: str, left: int = 0) -> None:
        self._context.journal.write(
            session, actor=by, action=action, case_id=case_id, data={"left": left} if left else {}
        )
        self._context.show_case(session, case_id)


def halt_fields(books: Sequence[BookHandover], by_state: Mapping[str, int]) -> dict[str, Any]:
    """Return the fields of `ClientsView` about halts."""
    moving = [b for b in books if b.phase == BookPhase.MOVE and b.state in (WorkState.DUE, WorkState.PLANNED)]
    halted = next((book for book in (*moving, *books) if book.halted), None)
    return {
        "moving": bool(moving) and any(book.halted != Halt.STOPPED for book in moving) and _sends(by_state),
        "halted": Halt(halted.halted) if halted else Halt.NONE,
        "halted_by": halted.halted_by if halted else "",
        "halted_at": halted.halted_at if halted else None,
        "stopped_in": tuple(book.system for book in books if book.halted == Halt.STOPPED),
        "stopped": by_state.get(AssignmentState.STOPPED, 0),
    }


def _sends(by_state: Mapping[str, int]) -> bool:
    """Return whether something is left to send. Accepted records are only read again."""
    return bool(by_state.get(AssignmentState.APPROVED)) or not by_state.get(AssignmentState.WAITING)


def end_moves(session: Session, case_id: str) -> list[str]:
    """Stop the moves of an ended case; return the books that go on: their system accepted records, which are read.

    Nothing more is sent from such a book.
    """
    waits = select(Assignment.system).where(Assignment.case_id == case_id, Assignment.state == AssignmentState.WAITING)
    kept = []
    for system in session.exec(waits.distinct()).all():
        book = session.get_one(BookHandover, f"{case_id}:{system}", with_for_update=True)
        approved = col(Assignment.case_id) == case_id, col(Assignment.system) == system
        session.execute(
            sa.update(Assignment)
            .where(*approved, col(Assignment.state) == AssignmentState.APPROVED)
            .values(state=AssignmentState.STOPPED)
        )
        book.phase, book.halted, book.reason = BookPhase.MOVE, Halt.STOPPED, ""
        again(session, book, book.due_at)
        kept.append(book.id)
    return kept
