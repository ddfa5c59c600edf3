"""What every part of the client track works with, and the trouble that is ours and not an outside system's."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from itertools import islice
from typing import TypeVar

from sqlmodel import Session, col, select

from config.text import N_, gettext_lazy
from connectors.contract import ClientBook
from workflows.clients.approval_policy import ApprovalContext
from workflows.clients.split.rules import AllocationPolicy
from workflows.context import Context
from workflows.people import Actor
from workflows.storage.case import CaseData, advance_case, refresh_case_message
from workflows.storage.outbox import enqueue
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import Assignment, AssignmentState, BookHandover, Proposal, ProposalState
from workflows.storage.rows.outbox import MessageKind
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again, finish
from workflows.systems.accounts import PreconditionFailed
from workflows.systems.registry import System

T = TypeVar("T")
CHUNK = 500
"""Rows in one transaction while a book is listed: enough to be quick, few enough to keep no other writer waiting."""


class AttemptSuperseded(Exception):
    """A newer attempt, another runner of this one, or a cancel has this book now: who hears it leaves the row alone."""


@dataclass(frozen=True, slots=True)
class ClientContext(Context):
    """The context of the client track, with its policies."""

    approvals: ApprovalContext = field(kw_only=True)
    allocation_policy: AllocationPolicy = field(default=AllocationPolicy(), kw_only=True)
    """What the company wishes for every split."""

    @classmethod
    def extend(cls, context: Context, approvals: ApprovalContext, policy: AllocationPolicy) -> "ClientContext":
        """Add the policies of the client track to the parts of all services."""
        known = {one.name: getattr(context, one.name) for one in fields(Context)}
        return cls(**known, approvals=approvals, allocation_policy=policy)

    def system(self, name: str) -> tuple[System, ClientBook]:
        """Return a configured system with its client book. Raises `Trouble`."""
        system = self.systems.get(name)
        if system is None:
            raise PreconditionFailed(gettext_lazy("this system is no longer in the configuration"))
        book = system.having(ClientBook)
        if book is None:
            raise PreconditionFailed(gettext_lazy("this system no longer has a client book"))
        return system, book

    def show_case(self, session: Session, case_id: str) -> None:
        """Bring the case message up to date, and a running case to its end where nothing is left to do."""
        session.flush()
        if session.get_one(Case, case_id).state == CaseState.RUNNING:
            advance_case(session, self.journal, case_id)
        else:
            refresh_case_message(session, case_id)


@dataclass(frozen=True, slots=True)
class BookAttempt:
    """One attempt at one book, as it was when the attempt began."""

    book: BookHandover
    case: Case
    data: CaseData

    def hold(self, session: Session) -> BookHandover:
        """Return the book's row, held until the transaction ends. Every write of an attempt asks first: `Overtaken`."""
        book = session.get_one(BookHandover, self.book.id, with_for_update=True)
        if (book.state, book.attempt, book.claimed_by) != (WorkState.DUE, self.book.attempt, self.book.claimed_by):
            raise AttemptSuperseded(self.book.id)
        return book

    def check(self, session: Session) -> None:
        """Ask without holding the row; for a moment at which nothing is written. Raises `Overtaken`."""
        now = select(BookHandover.state, BookHandover.attempt, BookHandover.claimed_by).where(
            BookHandover.id == self.book.id
        )
        if session.exec(now).one() != (WorkState.DUE, self.book.attempt, self.book.claimed_by):
            raise AttemptSuperseded(self.book.id)


def chunks(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the items in lists of `size`, without holding more than one list."""
    stream = iter(items)
    while chunk := list(islice(stream, size)):
        yield chunk


DECLINED = N_("version {version} was declined; retry for a new proposal")
EXPIRED = N_("version {version} expired without an answer; retry for a new proposal")
OPEN = (AssignmentState.PROPOSED, AssignmentState.DECLINED)
"""Lines that still need a person: to decide, or after a decline to ask for a new proposal. A record that the system
refused is not among them: it is said with the reason, and a case does not stay open for what no vendor lets go."""


def show_outcome(session: Session, proposal_id: str, case_id: str, asker: Actor) -> None:
    """Tell whoever asked for the case how a proposal came out; who asked at the command line sees it in the case."""
    to = asker.id.removeprefix("slack:") if asker.id.startswith("slack:") else ""
    enqueue(
        session, id=f"outcome:{proposal_id}", kind=MessageKind.OUTCOME, subject=proposal_id, case_id=case_id, channel=to
    )


def set_next_phase(context: ClientContext, session: Session, book: BookHandover) -> None:
    """Set where a book goes next by what its lines say: approved: moved, open: wait for a person, else done."""
    if has_lines(session, book, AssignmentState.APPROVED):
        book.phase = "move"
        if book.halted == "paused":  # a new approval is no word of whoever paused it
            book.state = WorkState.PLANNED
            session.add(book)
            return
        book.halted = ""
        again(session, book, max(context.clock.now(), session.get_one(Case, book.case_id).effective_at))
    elif has_lines(session, book, *OPEN):
        book.phase, book.state = "decide", WorkState.PLANNED
        book.reason = _declined(session, book)
        session.add(book)
    else:
        book.phase = "done"
        finish(session, book)


def _declined(session: Session, book: BookHandover) -> str:
    """Return what became of the newest version with lines in this book that was not agreed to; empty without any."""
    found = session.exec(
        select(Proposal.version, Proposal.state)
        .join(Assignment, col(Assignment.proposal_id) == Proposal.id)
        .where(
            Assignment.case_id == book.case_id,
            Assignment.system == book.system,
            Assignment.state == AssignmentState.DECLINED,
        )
        .order_by(col(Proposal.version).desc())
        .limit(1)
    ).first()
    if found is None:
        return ""
    version, state = found
    return gettext_lazy(EXPIRED if state == ProposalState.EXPIRED else DECLINED, version=version).stored


def has_lines(session: Session, book: BookHandover, *states: AssignmentState) -> bool:
    """Whether the case has any record of this book in one of these states."""
    found = select(Assignment.id).where(
        Assignment.case_id == book.case_id, Assignment.system == book.system, col(Assignment.state).in_(states)
    )
    return session.exec(found.limit(1)).first() is not None
