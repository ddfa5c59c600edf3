"""The client track as the rest of the house sees it: work on a book, decisions, and what people are shown.

Over 250 lines because it is the one door to the track: what each question and each attempt comes to is in other rooms.
"""

import json
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import Sentence, gettext_lazy
from connectors.errors import ConnectorError
from workflows.clients.approval_policy import ApprovalContext
from workflows.clients.approvals.decisions import DecisionService, SubmittedDecision
from workflows.clients.approvals.delegations import Delegations
from workflows.clients.approvals.escalation import ApprovalEscalation, ApproverAppointment
from workflows.clients.context import AttemptSuperseded, BookAttempt, ClientContext, has_lines, set_next_phase
from workflows.clients.moves.halts import Halt, Halts
from workflows.clients.moves.leave import Leaves
from workflows.clients.moves.moves import Moves, refusals, settle
from workflows.clients.moves.notes import HandoverNotes
from workflows.clients.moves.put_back import PutBacks
from workflows.clients.moves.reconciliation import NO_ACCOUNT, left_with, reconcile_book
from workflows.clients.proposals.editing import Editing, EditPermission
from workflows.clients.proposals.listing import ANSWERED, DraftListing
from workflows.clients.proposals.preview import preview
from workflows.clients.proposals.publishing import DRIFT, FIRST, LATER, publish, ready
from workflows.clients.proposals.receivers import active_successors
from workflows.clients.reading import ClientTrackQueries
from workflows.clients.split import shares as sheets
from workflows.clients.split import unmoved
from workflows.clients.split.rules import AllocationPolicy
from workflows.clients.split.shares import ProposalData
from workflows.clients.split.unmoved import UnmovedReasons
from workflows.clients.views import ClientLine, ClientsView, Preview, ProposalView, RecordLine
from workflows.context import Context
from workflows.people import Actor, Leaver, Successor
from workflows.refusals import Refused
from workflows.storage.case import read_case
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.case import Case, CaseState, Strategy
from workflows.storage.rows.clients import Assignment, AssignmentState, BookHandover, Proposal
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again, connector_error_sentence, retry_at
from workflows.systems.accounts import PreconditionFailed, leaver_accounts

log = logging.getLogger(__name__)


class ClientHandover:
    """Carries out `Book` rows, takes decisions, answers questions."""

    def __init__(
        self,
        context: Context,
        approvals: ApprovalContext,
        *,
        wishes: AllocationPolicy = AllocationPolicy(),  # noqa: B008 - a frozen value
    ) -> None:
        """`wishes`: for every split."""
        self._context = ClientContext.extend(context, approvals, wishes)
        self._decision_service = DecisionService(self._context)
        self._decisions = EditPermission(self._context, self._decision_service)
        self.asking = ApprovalEscalation(self._context, self._decision_service)
        self.delegations = Delegations(self._context)
        self._appointing = ApproverAppointment(self._context, self._decision_service)
        self._reading = ClientTrackQueries(self._context)
        self._editing = Editing(self._context, self._decisions)
        self.halts = Halts(self._context)
        self.notes = HandoverNotes(self._context)
        self.leaves = Leaves(self._context)
        self.put_backs = PutBacks(self._context)
        # A book in two hands at once would take one's half-written list for the other's: in one process they queue
        # here, and of two processes `_take` names the one whose writes still count.
        self._one_at_a_time: dict[str, threading.Lock] = {}

    def run(self, book_id: str) -> None:
        """Do what the book's row says is next. A row that is not due is left alone: a doubled call does nothing."""
        with self._one_at_a_time.setdefault(book_id, threading.Lock()):
            book_attempt = self._take(book_id)
            if book_attempt is not None:
                self._attempt(book_attempt)

    def retry(self, session: Session, case_id: str, system: str) -> int | None:
        """Try again, in the caller's transaction, what failed, was declined or was refused; return the attempt.

        A book that was put off is due now; one with declined or refused records is listed anew and they are proposed
        again. None where there is nothing to retry: what is under way, waits for a decision or ended well goes on.
        """
        book = session.get(BookHandover, f"{case_id}:{system}", with_for_update=True)
        if book is None or not _retriable(session, book):
            return None
        due = self._context.clock.now()
        if book.phase == "move":
            due = max(due, session.get_one(Case, case_id).effective_at)
        elif book.state != WorkState.DUE:
            book.phase, book.reason, book.halted = "list", "", ""
        again(session, book, due)
        return book.attempt

    def cancel(self, session: Session, case_id: str, by: Actor) -> None:
        """Settle every pending proposal of a case that is called off, in the caller's transaction."""
        self._decisions.cancel(session, case_id, by)

    def view(self, proposal_id: str) -> ProposalView:
        """Return a proposal, shares and all. Raises `Refused(UNKNOWN_PROPOSAL)`."""
        return self._reading.view(proposal_id)

    def lines(
        self, proposal_id: str, offset: int = 0, limit: int = 20, search: str = ""
    ) -> tuple[list[RecordLine], int]:
        """Return a page of lines and how many there are; `search` looks in client, record and successor names.

        A superseded version has no lines any more: the edit took them along.
        """
        return self._reading.lines(proposal_id, offset, limit, search)

    def share_lines(self, proposal_id: str, key: str, offset: int = 0, limit: int = 20) -> tuple[list[RecordLine], int]:
        """Return a page of one successor's lines and how many there are."""
        return self._reading.share_lines(proposal_id, key, offset, limit)

    def csv(self, proposal_id: str) -> Iterator[str]:
        """Return every line as CSV that no spreadsheet takes for a formula."""
        return self._reading.csv(proposal_id)

    def waiting_for(self, slack_id: str) -> list[ProposalView]:
        """Return the proposals that this person is asked to decide, oldest first."""
        return self._reading.waiting_for(slack_id)

    def waiting(self) -> list[ProposalView]:
        """Return every proposal that waits for somebody, oldest first."""
        return self._reading.waiting()

    def successors(self, proposal_id: str) -> tuple[Successor, ...]:
        """Return who may receive clients in this proposal."""
        return self._reading.successors(proposal_id)

    def clients(self, session: Session, case_id: str) -> ClientsView | None:
        """Return the client track of a case; None where no system has a client book."""
        return self._reading.clients(session, case_id)

    def decide(
        self, proposal_id: str, digest: str, by: Actor, approve: bool, reason: str = "", whose: str = ""
    ) -> ProposalView:
        """Approve or decline exactly what was shown. Raises `Refused`, with who settled it and when.

        `whose`: at the command line, the address or Slack id of the approver whose answer it is.
        """
        with self._refusals_journalled(proposal_id, by):
            self._decision_service.decide(SubmittedDecision(proposal_id, digest, by, approve, reason, whose))
        return self.view(proposal_id)

    def appoint(self, proposal_id: str, user: str, by: Actor, role: str = "manager") -> ProposalView:
        """Ask another Slack user as well to decide one part of a proposal. Raises `Refused`."""
        with self._refusals_journalled(proposal_id, by):
            self._appointing.appoint(proposal_id, user, by, role)
        return self.view(proposal_id)

    def client_page(
        self, proposal_id: str, offset: int = 0, limit: int = 20, search: str = ""
    ) -> tuple[list[ClientLine], int]:
        """Return a page of clients and how many there are; `search` looks in all names, ids and successors."""
        return self._reading.client_page(proposal_id, offset, limit, search)

    def preview(
        self, leaver: Leaver, successors: Sequence[Successor], strategy: Strategy, content: bytes = b""
    ) -> Preview:
        """Return how the books would be split, read now; `content` is a CSV file that names who gets which client."""
        return preview(self._context, leaver, successors, strategy, content)

    def clients_of(self, proposal_id: str, successor_key: str) -> tuple[str, ...]:
        """Return one line of every client that goes to a successor."""
        return self._reading.clients_of(proposal_id, successor_key)

    def assign(self, proposal_id: str, digest: str, wishes: Mapping[str, str], by: Actor) -> ProposalView:
        """Give whole clients, each named by one of its lines, to successors by key: a new version. Raises `Refused`."""
        with self._refusals_journalled(proposal_id, by):
            version = self._editing.assign(proposal_id, digest, wishes, by)
        return self.view(version)

    def exclude(self, proposal_id: str, digest: str, lines: Sequence[str], reason: str, by: Actor) -> ProposalView:
        """Let whole clients stay with the leaver, with a reason: a new version. Raises `Refused`."""
        with self._refusals_journalled(proposal_id, by):
            version = self._editing.exclude(proposal_id, digest, lines, reason, by)
        return self.view(version)

    def upload(self, proposal_id: str, digest: str, content: bytes, by: Actor) -> ProposalView:
        """Change successors by a CSV file: a new version. Raises `Refused`, or `Unfit` with every fault by line."""
        with self._refusals_journalled(proposal_id, by):
            version = self._editing.upload(proposal_id, digest, content, by)
        return self.view(version)

    @contextmanager
    def _refusals_journalled(self, proposal_id: str, by: Actor) -> Iterator[None]:
        try:
            yield
        except Refused as refused:
            self._context.journal.note(
                "proposal.refused", by, {"proposal": proposal_id, "code": refused.code}, refused.facts.get("case", "")
            )
            raise

    def _attempt(self, book_attempt: BookAttempt) -> None:
        try:
            self._move(book_attempt) if book_attempt.book.phase == "move" else self._list(book_attempt)
        except AttemptSuperseded:
            log.info("book %s: attempt %s was overtaken", book_attempt.book.id, book_attempt.book.attempt)
        except ConnectorError as error:
            self._put_off(book_attempt, connector_error_sentence(error), error)
        except PreconditionFailed as trouble:
            self._put_off(book_attempt, trouble.sentence, None)
        except Exception:
            self._put_off(
                book_attempt, gettext_lazy("something unexpected went wrong on our side; the log says what"), None
            )
            raise

    def _take(self, book_id: str) -> BookAttempt | None:
        with self._context.store.write() as session:
            book = session.get_one(BookHandover, book_id)
            case, data = read_case(session, self._context.vault, book.case_id)
            if book.state != WorkState.DUE or book.due_at > self._context.clock.now():
                return None
            if case.state == CaseState.CANCELLED:
                book.state = WorkState.CANCELLED
                session.add(book)
                return None
            book.claimed_by = uuid4().hex
            session.add(book)
            return BookAttempt(book.model_copy(), case, data)

    def _list(self, book_attempt: BookAttempt) -> None:
        system, clients = self._context.system(book_attempt.book.system)
        listing = DraftListing(self._context, book_attempt)
        leaver = leaver_accounts(self._context.store, book_attempt.case.id, book_attempt.data.leaver, system)
        listing.gather(leaver, again=False)
        sheet = (
            listing.allot(active_successors(system, book_attempt.data.successors, leaver)) if listing.families else None
        )
        left = {} if sheet else left_with(leaver, {account: clients.count(account) for account in leaver})
        with self._context.store.write() as session:
            book = book_attempt.hold(session)
            listing.release(session)
            self._complete(session, book_attempt, listing.draft, sheet)
            self._write_off(session, book)
            self._remark(session, book_attempt, book, UnmovedReasons(listing.staying))
            book.reason = ""
            set_next_phase(self._context, session, book)
            if book.phase == "done":
                reconcile_book(self._context, session, book, leaver, left)
            session.flush()
            self._publish_if_ready(session, book_attempt)
            self._context.show_case(session, book_attempt.case.id)

    def _move(self, book_attempt: BookAttempt) -> None:
        system, _ = self._context.system(book_attempt.book.system)
        listing = DraftListing(self._context, book_attempt)
        leaver = leaver_accounts(self._context.store, book_attempt.case.id, book_attempt.data.leaver, system)
        stopped = book_attempt.book.halted == Halt.STOPPED  # nothing new is asked for: it is only counted
        if not stopped:
            listing.gather(leaver, again=True)
        Moves(self._context, book_attempt).run(leaver)
        sheet = (
            listing.allot(active_successors(system, book_attempt.data.successors, leaver)) if listing.families else None
        )
        staying = (
            unmoved.unseal(self._context.vault, book_attempt.case, book_attempt.book).staying
            if stopped
            else listing.staying
        )
        known = UnmovedReasons(staying, refusals(self._context, book_attempt))
        with self._context.store.write() as session:
            book = book_attempt.hold(session)
            if not stopped:
                listing.release(session)
            self._remark(session, book_attempt, book, known)
            if sheet is not None:
                self._complete(session, book_attempt, listing.draft, sheet)
                publish(self._context, session, book_attempt.case, book_attempt.data.approver, DRIFT)
            settle(self._context, session, book_attempt, book)
            if book.phase == "done":
                left = left_with(leaver, json.loads(book.counts_after))
                reconcile_book(self._context, session, book, leaver, left, looked=not stopped)
            self.notes.tell(session, book_attempt.case, book_attempt.data, book)
            self._context.show_case(session, book_attempt.case.id)

    def _complete(self, session: Session, book_attempt: BookAttempt, draft_id: str, sheet: ProposalData | None) -> None:
        draft = session.get_one(Proposal, draft_id)
        counted = select(sa.func.count()).select_from(Assignment).where(Assignment.proposal_id == draft_id)
        if session.exec(counted).one() != (sheet.records if sheet else 0):
            raise PreconditionFailed(gettext_lazy("the book was listed twice at once; it is listed again"))
        draft.sealed = sheets.seal(self._context.vault, book_attempt.case, draft_id, sheet) if sheet else b""
        session.add(draft)
        session.flush()

    def _write_off(self, session: Session, book: BookHandover) -> None:
        """Declined or refused records that the list no longer has went elsewhere without us."""
        session.execute(
            sa.update(Assignment)
            .where(
                col(Assignment.case_id) == book.case_id,
                col(Assignment.system) == book.system,
                col(Assignment.state).in_(ANSWERED),
            )
            .values(state=AssignmentState.TAKEN)
        )

    def _remark(self, session: Session, book_attempt: BookAttempt, book: BookHandover, known: UnmovedReasons) -> None:
        """Keep why records stay; on record where it is news."""
        if known == unmoved.unseal(self._context.vault, book_attempt.case, book):
            return
        book.sealed = unmoved.seal(self._context.vault, book_attempt.case, book, known)
        session.add(book)
        self._context.journal.write(
            session,
            actor=HANDOVER,
            action="clients.staying",
            case_id=book.case_id,
            sealed=book.sealed,
            data={
                "system": book.system,
                "staying": unmoved.total(known.staying),
                "refused": unmoved.total(known.refused),
            },
        )

    def _publish_if_ready(self, session: Session, book_attempt: BookAttempt) -> None:
        if not ready(session, book_attempt.case.id):
            return
        shown = session.exec(
            select(Proposal.id).where(Proposal.case_id == book_attempt.case.id, Proposal.version > 0).limit(1)
        ).first()
        publish(self._context, session, book_attempt.case, book_attempt.data.approver, LATER if shown else FIRST)

    def _put_off(self, book_attempt: BookAttempt, reason: Sentence, error: ConnectorError | None) -> None:
        """Say what is wrong, try again later; proposals of other systems no longer wait for this one."""
        log.warning("book %s: %s", book_attempt.book.id, reason.english)
        with suppress(AttemptSuperseded), self._context.store.write() as session:
            book = book_attempt.hold(session)
            book.reason = reason.stored
            again(session, book, retry_at(book, error, self._context.clock.now(), self._context.retry))
            session.flush()
            self._context.journal.write(
                session,
                actor=HANDOVER,
                action="book.put_off",
                case_id=book.case_id,
                data={"system": book.system, "phase": book.phase, "reason": reason.english},
            )
            self._publish_if_ready(session, book_attempt)
            self._context.show_case(session, book.case_id)


def _retriable(session: Session, book: BookHandover) -> bool:
    """Whether a person may ask for another try: it was put off with a reason, or someone or something said no."""
    if book.halted == Halt.PAUSED:
        return False
    if book.state == WorkState.DUE:
        return bool(book.reason)
    if book.state == WorkState.DONE and book.reason == NO_ACCOUNT:
        return True
    return book.state in (WorkState.PLANNED, WorkState.DONE) and has_lines(session, book, *ANSWERED)
