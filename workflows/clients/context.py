"""The context of the client track: services, settings, attempts at a book, and the next phase of a book."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import timedelta
from itertools import islice
from typing import TypeVar

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from config.text import N_, Sentence, gettext_lazy
from connectors.contract import ClientBook
from connectors.errors import ConnectorError
from workflows.clients.approval_policy import ApprovalPolicy
from workflows.clients.introduction_policy import IntroductionPolicy
from workflows.clients.split.rules import AllocationPolicy
from workflows.context import Context
from workflows.news import responsible
from workflows.people import Actor
from workflows.ports import WorkspaceDirectory
from workflows.refusals import Refused
from workflows.storage.case import CaseData, advance_case, may_know, refresh_case_message, who_asked
from workflows.storage.outbox import enqueue, request_update
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import (
    Assignment,
    AssignmentState,
    BookHandover,
    BookPhase,
    Halt,
    Proposal,
    ProposalState,
)
from workflows.storage.rows.outbox import AT, MessageKind, OutboxMessage
from workflows.storage.rows.work_state import WorkState
from workflows.storage.store import Store
from workflows.storage.work import again, connector_error_sentence, finish, retry_at
from workflows.systems.accounts import PreconditionFailed
from workflows.systems.registry import System

T = TypeVar("T")
CHUNK = 500
"""Rows in one transaction while a book is listed: quick, and short enough for other writers."""


READ_AGAIN = timedelta(hours=1)
"""The longest time between two reads of records whose move a system accepted and has not carried out."""


class AttemptSuperseded(Exception):
    """A newer attempt, another runner or a cancellation has taken over the row: this attempt stops."""


@dataclass(frozen=True, slots=True)
class ClientContext(Context):
    """The context of the client track, with its policies."""

    members: WorkspaceDirectory = field(kw_only=True)
    """The directory against which approvers are checked."""
    policy: ApprovalPolicy = field(kw_only=True)
    allocation_policy: AllocationPolicy = field(kw_only=True)
    """The company's rules for every split."""
    introduction_policy: IntroductionPolicy = field(kw_only=True)

    @classmethod
    def extend(
        cls,
        context: Context,
        members: WorkspaceDirectory,
        policy: ApprovalPolicy,
        allocation_policy: AllocationPolicy,
        introduction_policy: IntroductionPolicy,
    ) -> "ClientContext":
        """Add the policies of the client track to the parts of all services."""
        shared = {part.name: getattr(context, part.name) for part in fields(Context)}
        return cls(
            **shared,
            members=members,
            policy=policy,
            allocation_policy=allocation_policy,
            introduction_policy=introduction_policy,
        )

    def system(self, name: str) -> tuple[System, ClientBook]:
        """Return a configured system with its client book. Raises `PreconditionFailed`."""
        system = self.systems.get(name)
        if system is None:
            raise PreconditionFailed(gettext_lazy("this system is no longer in the configuration"))
        book = system.having(ClientBook)
        if book is None:
            raise PreconditionFailed(gettext_lazy("this system no longer has a client book"))
        return system, book

    def show_case(self, session: Session, case_id: str) -> None:
        """Update the case message, and end a running case where nothing is left to do."""
        session.flush()
        if session.get_one(Case, case_id).state == CaseState.RUNNING:
            advance_case(session, self.journal, case_id)
        else:
            refresh_case_message(session, case_id)

    @contextmanager
    def refusals_journalled(self, proposal_id: str, by: Actor) -> Iterator[None]:
        """Journal a refused operation on a proposal, and raise the refusal again."""
        try:
            yield
        except Refused as refused:
            data = {"proposal": proposal_id, "code": refused.code}
            self.journal.note("proposal.refused", by, data, refused.facts.get("case", ""))
            raise


@dataclass(frozen=True, slots=True)
class BookAttempt:
    """One attempt at one book, with the rows as they were when the attempt began."""

    book: BookHandover
    case: Case
    data: CaseData

    def hold(self, session: Session) -> BookHandover:
        """Return the book's row, held until the transaction ends. Raises `AttemptSuperseded`: call before a write."""
        book = session.get_one(BookHandover, self.book.id, with_for_update=True)
        if (book.state, book.attempt, book.claimed_by) != (WorkState.DUE, self.book.attempt, self.book.claimed_by):
            raise AttemptSuperseded(self.book.id)
        return book

    def check(self, session: Session) -> None:
        """Check the attempt without holding the row. Raises `AttemptSuperseded`."""
        now = select(BookHandover.state, BookHandover.attempt, BookHandover.claimed_by).where(
            BookHandover.id == self.book.id
        )
        if session.exec(now).one() != (WorkState.DUE, self.book.attempt, self.book.claimed_by):
            raise AttemptSuperseded(self.book.id)


def problem_sentence(error: ConnectorError | PreconditionFailed) -> Sentence:
    """Return why work on a system is put off."""
    return error.sentence if isinstance(error, PreconditionFailed) else connector_error_sentence(error)


def pages(store: Store, lines: SelectOfScalar[Assignment], size: int = CHUNK) -> Iterator[Sequence[Assignment]]:
    """Yield lines in the order of their ids, a page at a time, each page in a transaction of its own."""
    last = ""
    while page := _page(store, lines.where(col(Assignment.id) > last), size):
        last = page[-1].id
        yield page


def _page(store: Store, lines: SelectOfScalar[Assignment], size: int) -> Sequence[Assignment]:
    with store.read() as session:
        return session.exec(lines.order_by(col(Assignment.id)).limit(size)).all()


def chunks(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the items in lists of `size`; only one list is in memory."""
    stream = iter(items)
    while chunk := list(islice(stream, size)):
        yield chunk


DECLINED = N_("version {version} was declined; retry for a new proposal")
EXPIRED = N_("version {version} expired without an answer; retry for a new proposal")
OPEN = (AssignmentState.PROPOSED, AssignmentState.DECLINED)
"""States of lines that still need a person: to decide, or after a decline to ask for a new proposal.

A record that the system refused is shown with the reason, and does not keep the case open."""


def show_outcome(
    context: Context, session: Session, proposal_id: str, case_id: str, data: CaseData, *, by: str = ""
) -> None:
    """Send the decision on a proposal to who opened the case, or to its channel.

    `by`: the Slack user who settled it, and needs no message.
    """
    place = who_asked(session, context.vault, data)
    if place != by:
        enqueue(
            session,
            id=f"outcome:{proposal_id}",
            kind=MessageKind.OUTCOME,
            subject=proposal_id,
            case_id=case_id,
            channel=place,
        )


def show_moved(context: Context, session: Session, proposal_id: str, case_id: str, data: CaseData) -> None:
    """Send the outcome of the moves to who opened the case, and to those who answer for the handover.

    For who opened it, that is a message of its own once the decision was told.
    """
    decided = session.get(OutboxMessage, f"outcome:{proposal_id}")
    told = decided is None or bool(decided.ts or decided.claimed_by)
    if told:
        request_update(session, f"outcome:{proposal_id}")  # it says that records are still to be moved
    asked = who_asked(session, context.vault, data)
    readers = {asked: (f"{'moved' if told else 'outcome'}:{proposal_id}", proposal_id)}
    sole = _sole_successor(context, session, proposal_id, data)
    for user in responsible(session, case_id, data):
        if user == sole:  # their own note says the same
            continue
        readers.setdefault(user, (f"moved:{proposal_id}:{user}", f"{proposal_id}{AT}{user}"))
    for user, (message, subject) in readers.items():
        if user == asked or may_know(session, context.vault, data, user):
            enqueue(session, id=message, kind=MessageKind.OUTCOME, subject=subject, case_id=case_id, channel=user)


def _sole_successor(context: Context, session: Session, proposal_id: str, data: CaseData) -> str:
    """Return the Slack id of who received every record of a proposal; empty if there is no such colleague."""
    fates = select(Assignment.successor, Assignment.state).where(Assignment.proposal_id == proposal_id).distinct()
    for successor in data.successors:
        if session.exec(fates).all() == [(context.vault.blind(successor.key), AssignmentState.MOVED)]:
            return successor.slack_id
    return ""


def tell_problem(context: Context, session: Session, book: BookHandover, data: CaseData, what: str) -> None:
    """Tell who opened the case, or the channel, about a problem of a book: once for each phase and `what`."""
    enqueue(
        session,
        id=f"clients:{book.id}:{book.phase}:{hashlib.sha256(what.encode()).hexdigest()[:12]}",
        kind=MessageKind.CLIENTS,
        subject=book.case_id,
        case_id=book.case_id,
        channel=who_asked(session, context.vault, data),
    )


def tell_nobody_asked(context: Context, session: Session, request_id: str, case_id: str, data: CaseData) -> None:
    """Tell who opened the case, or the channel, once that nobody is left who can answer a request."""
    message = f"clients:{request_id}:nobody"
    if session.get(OutboxMessage, message) is None:
        place = who_asked(session, context.vault, data)
        enqueue(session, id=message, kind=MessageKind.CLIENTS, subject=case_id, case_id=case_id, channel=place)


def refresh_problems(session: Session, case_id: str) -> None:
    """Update the messages about what was to be done for a case's clients: some of it is over."""
    sent = select(OutboxMessage.id).where(
        OutboxMessage.case_id == case_id, OutboxMessage.kind == MessageKind.CLIENTS, OutboxMessage.ts != ""
    )
    for message in session.exec(sent).all():
        request_update(session, message)


def set_next_phase(context: ClientContext, session: Session, book: BookHandover) -> None:
    """Set a book's next phase by its lines: move the approved, read the accepted, wait for a person, else end."""
    refresh_problems(session, book.case_id)
    if has_lines(session, book, AssignmentState.APPROVED):
        book.phase = BookPhase.MOVE
        if book.halted == Halt.PAUSED:  # a new approval does not resume a paused book
            book.state = WorkState.PLANNED
            session.add(book)
            return
        book.halted = Halt.NONE
        again(session, book, max(context.clock.now(), session.get_one(Case, book.case_id).effective_at))
    elif has_lines(session, book, AssignmentState.WAITING):
        book.phase = BookPhase.MOVE
        again(session, book, retry_at(book, None, context.clock.now(), READ_AGAIN))
    elif has_lines(session, book, *OPEN):
        book.phase, book.state = BookPhase.DECIDE, WorkState.PLANNED
        book.reason = _declined_version(session, book)
        session.add(book)
    else:
        book.phase = BookPhase.DONE
        finish(session, book)


def _declined_version(session: Session, book: BookHandover) -> str:
    """Return the fate of the newest version with declined lines in this book, as a sentence; empty without any."""
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
    """Return whether a record of this book is in one of these states."""
    found = select(Assignment.id).where(
        Assignment.case_id == book.case_id, Assignment.system == book.system, col(Assignment.state).in_(states)
    )
    return session.exec(found.limit(1)).first() is not None


def only_waits(session: Session, book: BookHandover) -> bool:
    """Return whether nothing is left to send: the system has accepted what is left."""
    waits = has_lines(session, book, AssignmentState.WAITING)
    return waits and not has_lines(session, book, AssignmentState.APPROVED)
