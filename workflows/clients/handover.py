"""The handover of client books: attempts at a book, and the parts of the client track put together."""

import json
import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import Sentence, gettext_lazy
from connectors.contract import AccountId, Subject
from connectors.errors import ConnectorError, OutcomeUnknown, Unavailable
from workflows.clients.approvals.decisions import DecisionRegister
from workflows.clients.approvals.delegations import Delegations
from workflows.clients.approvals.eligibility import Eligibility
from workflows.clients.approvals.escalation import ApprovalEscalation, ApproverAppointment
from workflows.clients.context import (
    AttemptSuperseded,
    BookAttempt,
    ClientContext,
    has_lines,
    only_waits,
    problem_sentence,
    set_next_phase,
    tell_problem,
)
from workflows.clients.earlier import book_owners
from workflows.clients.moves.halts import Halts
from workflows.clients.moves.introductions import ClientIntroductions
from workflows.clients.moves.leave import Leaves
from workflows.clients.moves.moves import Moves, refusals, settle
from workflows.clients.moves.notes import HandoverNotes
from workflows.clients.moves.put_back import PutBacks
from workflows.clients.moves.reconciliation import NO_ACCOUNT, left_with, reconcile_book
from workflows.clients.moves.waiting import WaitingMoves, lapsed_sentence
from workflows.clients.proposals.editing import ProposalEditor
from workflows.clients.proposals.listing import ANSWERED, DraftListing
from workflows.clients.proposals.publishing import CHANGED, DRIFT, FIRST, LATER, publish, ready
from workflows.clients.reading import ClientTrackQueries
from workflows.clients.split import unmoved
from workflows.clients.split.sealed import ProposalData, seal_proposal
from workflows.clients.split.unmoved import UnmovedReasons
from workflows.clients.stayed.answers import ClientAnswers
from workflows.clients.stayed.checks import StayChecks
from workflows.storage.case import read_case
from workflows.storage.journal import HANDOVER, Personal
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import Assignment, AssignmentState, BookHandover, BookPhase, Halt, Proposal
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again, retry_at
from workflows.systems.accounts import PreconditionFailed
from workflows.systems.effects import why_unread
from workflows.systems.registry import System
from workflows.tampering import Tampered, report

log = logging.getLogger(__name__)
PATIENCE = 3
"""Attempts before people are told of a system that does not answer. What time alone does not mend is told at once."""


class ClientHandover:
    """Carries out `BookHandover` rows. Its attributes are the other parts of the track, for those who call them."""

    def __init__(self, context: ClientContext, stayed_days: Sequence[int] = ()) -> None:
        """Take `stayed_days`, the days after the moves on which people read what became of the clients."""
        self._context = context
        eligibility = Eligibility(self._context)
        self.decisions = DecisionRegister(self._context, eligibility)
        self.appointments = ApproverAppointment(self._context, eligibility)
        self.escalation = ApprovalEscalation(self._context, eligibility, self.decisions)
        self.delegations = Delegations(self._context)
        self.edits = ProposalEditor(self._context, eligibility, self.decisions)
        self.proposals = ClientTrackQueries(self._context)
        self.halts = Halts(self._context)
        self.introductions = ClientIntroductions(self._context)
        self.notes = HandoverNotes(self._context)
        self.leaves = Leaves(self._context)
        self.put_backs = PutBacks(self._context)
        self.answers = ClientAnswers(self._context)
        self.stay_checks = StayChecks(self._context, stayed_days)
        # Two attempts at one book at once would mix up their half-written lists. Within a process they queue here;
        # of two processes, `_take` names the one whose writes count.
        self._book_locks: dict[str, threading.Lock] = {}

    def run(self, book_id: str) -> None:
        """Carry out the next phase of a book. A row that is not due is left alone: a doubled call does nothing."""
        with self._book_locks.setdefault(book_id, threading.Lock()):
            book_attempt = self._take(book_id)
            if book_attempt is None:
                return
            try:
                self._move(book_attempt) if book_attempt.book.phase == BookPhase.MOVE else self._list(book_attempt)
            except AttemptSuperseded:
                log.info("book %s: attempt %s was superseded", book_id, book_attempt.book.attempt)
            except (ConnectorError, PreconditionFailed) as error:
                self._put_off(book_attempt, problem_sentence(error), error)
                if isinstance(error, Tampered):
                    report(self._context, book_attempt.case.id, book_attempt.book.system, error.sentence, "moves")
            except Exception as error:
                reason = gettext_lazy("something unexpected went wrong on our side; the log says what")
                self._put_off(book_attempt, reason, error)
                raise

    def retry(self, session: Session, case_id: str, system: str) -> int | None:
        """Try a book again, in the caller's transaction; return the attempt, or None where nothing is to be retried.

        A book that was put off is due now. One with declined or refused records is listed and proposed again.
        """
        book = session.get(BookHandover, f"{case_id}:{system}", with_for_update=True)
        if book is None or not _retriable(session, book):
            return None
        due = self._context.clock.now()
        if book.phase == BookPhase.MOVE and not only_waits(session, book):
            due = max(due, session.get_one(Case, case_id).effective_at)
        elif book.state != WorkState.DUE or (book.phase == BookPhase.MOVE and has_lines(session, book, *ANSWERED)):
            book.phase, book.reason, book.halted = BookPhase.LIST, "", Halt.NONE
        again(session, book, due)
        return book.attempt

    def _take(self, book_id: str) -> BookAttempt | None:
        with self._context.store.write() as session:
            book = session.get_one(BookHandover, book_id)
            case, data = read_case(session, self._context.vault, book.case_id)
            if book.state != WorkState.DUE or book.due_at > self._context.clock.now():
                return None
            if case.state == CaseState.CANCELLED and not has_lines(session, book, AssignmentState.WAITING):
                book.state = WorkState.CANCELLED
                session.add(book)
                return None
            book.claimed_by = uuid4().hex
            session.add(book)
            return BookAttempt(book.model_copy(), case, data)

    def _unread(self, book_attempt: BookAttempt, system: System, leaver: Sequence[AccountId]) -> Sentence | None:
        """Return why the leaver's records cannot be read any more: then an empty list is not nothing."""
        context, case = self._context, book_attempt.case.id
        return why_unread(context.store, context.vault, case, system, Subject.RECORDS, leaver)

    def _list(self, book_attempt: BookAttempt) -> None:
        system, clients = self._context.system(book_attempt.book.system)
        listing = DraftListing(self._context, book_attempt)
        owners = book_owners(self._context, book_attempt.case, book_attempt.data.leaver, system)
        leaver = owners.accounts
        if unread := self._unread(book_attempt, system, leaver):
            raise PreconditionFailed(unread)
        listing.gather(leaver, again=False)
        proposal_data = listing.allot(system, (*leaver, *owners.left_out), owners.notes)
        left = {} if proposal_data else left_with(leaver, {account: clients.count(account) for account in leaver})
        with self._context.store.write() as session:
            book = book_attempt.hold(session)
            session.execute(  # declined or refused records that are missing from the new list
                sa.update(Assignment)
                .where(
                    col(Assignment.case_id) == book.case_id,
                    col(Assignment.system) == book.system,
                    col(Assignment.state).in_(ANSWERED),
                    col(Assignment.proposal_id).is_distinct_from(listing.draft),
                    col(Assignment.owner).not_in(list(owners.left_out)),  # not listed, so not known to be elsewhere
                )
                .values(state=AssignmentState.TAKEN)
            )
            listing.release(session)
            self._complete(session, book_attempt, listing.draft, proposal_data)
            self._keep_unmoved(session, book_attempt, book, UnmovedReasons(listing.staying, listing.refused))
            book.reason = ""
            set_next_phase(self._context, session, book)
            if book.phase == BookPhase.DONE:
                reconcile_book(self._context, session, book, leaver, left)
                if listing.refused:  # no proposal names them, so that this is the only word about them
                    tell_problem(self._context, session, book, book_attempt.data, f"refused:{book.attempt}")
            session.flush()
            self._publish_if_ready(session, book_attempt)
            self._context.show_case(session, book_attempt.case.id)

    def _move(self, book_attempt: BookAttempt) -> None:
        system, _ = self._context.system(book_attempt.book.system)
        listing = DraftListing(self._context, book_attempt)
        owners = book_owners(self._context, book_attempt.case, book_attempt.data.leaver, system)
        leaver, every = owners.accounts, (*owners.accounts, *owners.left_out)
        stopped = book_attempt.book.halted == Halt.STOPPED  # a stopped book is only counted
        unread = self._unread(book_attempt, system, leaver)
        listed = not (stopped or unread)
        moves, waiting = Moves(self._context, book_attempt), WaitingMoves(self._context, book_attempt)
        moves.check()
        waiting.carry()
        if listed:
            listing.gather(leaver, again=True)
        moves.run(every)
        proposal_data = listing.allot(system, every, owners.notes)
        if proposal_data and listing.lapsed:
            proposal_data = replace(proposal_data, notes=(*proposal_data.notes, lapsed_sentence(listing.lapsed)))
        staying = (
            unmoved.unseal(self._context.vault, book_attempt.case, book_attempt.book).staying
            if not listed
            else listing.staying
        )
        reasons = UnmovedReasons(staying, refusals(self._context, book_attempt))
        with self._context.store.write() as session:
            book = book_attempt.hold(session)
            if listed:
                listing.release(session)
            self._keep_unmoved(session, book_attempt, book, reasons)
            if proposal_data is not None:
                self._complete(session, book_attempt, listing.draft, proposal_data)
                why = CHANGED if book_attempt.data.leaver.is_group else DRIFT
                publish(self._context, session, book_attempt.case, book_attempt.data.approver, why)
            settle(self._context, session, book_attempt, book, news=moves.recorded or waiting.recorded)
            if waiting.lapsed:
                tell_problem(self._context, session, book, book_attempt.data, f"lapsed:{book.attempt}")
            if book.phase == BookPhase.DONE and unread:
                book.reason = unread.stored  # what was approved is moved, and no count proves that it was all
            elif book.phase == BookPhase.DONE:
                left = left_with(leaver, json.loads(book.counts_after))
                reconcile_book(self._context, session, book, leaver, left, listed=not stopped)
            if book.phase == BookPhase.DONE or moves.recorded or waiting.recorded:
                self.notes.send(session, book_attempt.case, book_attempt.data, book)
            if book.state == WorkState.DONE:
                self.stay_checks.plan(session, book.case_id)
            self._context.show_case(session, book_attempt.case.id)

    def _complete(
        self, session: Session, book_attempt: BookAttempt, draft_id: str, proposal_data: ProposalData | None
    ) -> None:
        counted = select(sa.func.count()).select_from(Assignment).where(Assignment.proposal_id == draft_id)
        if session.exec(counted).one() != (proposal_data.records if proposal_data else 0):
            raise PreconditionFailed(gettext_lazy("the book was listed twice at once; it is listed again"))
        if proposal_data:
            draft = session.get_one(Proposal, draft_id)
            draft.sealed = seal_proposal(self._context.vault, book_attempt.case, draft_id, proposal_data)
            session.add(draft)
            session.flush()

    def _keep_unmoved(
        self, session: Session, book_attempt: BookAttempt, book: BookHandover, reasons: UnmovedReasons
    ) -> None:
        """Store why records stay; journal a change."""
        if reasons == unmoved.unseal(self._context.vault, book_attempt.case, book):
            return
        book.sealed = unmoved.seal(self._context.vault, book_attempt.case, book, reasons)
        session.add(book)
        self._context.journal.write(
            session,
            actor=HANDOVER,
            action="clients.staying",
            case_id=book.case_id,
            sealed=book.sealed,
            data={
                "system": book.system,
                "staying": unmoved.total(reasons.staying),
                "refused": unmoved.total(reasons.refused),
            },
        )

    def _publish_if_ready(self, session: Session, book_attempt: BookAttempt) -> None:
        if ready(session, book_attempt.case.id):
            shown = select(Proposal.id).where(Proposal.case_id == book_attempt.case.id, Proposal.version > 0).limit(1)
            why = LATER if session.exec(shown).first() else FIRST
            publish(self._context, session, book_attempt.case, book_attempt.data.approver, why)

    def _put_off(self, book_attempt: BookAttempt, reason: Sentence, error: Exception) -> None:
        """Show the problem and try again later. Proposals of other systems no longer wait for this book."""
        log.warning("book %s: %s", book_attempt.book.id, reason.english)
        with suppress(AttemptSuperseded), self._context.store.write() as session:
            book = book_attempt.hold(session)
            book.reason = reason.stored
            again(session, book, retry_at(book, error, self._context.clock.now(), self._context.retry))
            away = isinstance(error, Unavailable | OutcomeUnknown)
            if not away or book.attempt >= PATIENCE:
                tell_problem(self._context, session, book, book_attempt.data, "away" if away else reason.stored)
            session.flush()
            self._context.journal.write(
                session,
                actor=HANDOVER,
                action="book.put_off",
                case_id=book.case_id,
                data={"system": book.system, "phase": book.phase, "reason": Personal(reason.english)},
            )
            self._publish_if_ready(session, book_attempt)
            self._context.show_case(session, book.case_id)


def _retriable(session: Session, book: BookHandover) -> bool:
    """Return whether a person may retry: the book was put off with a reason, or has declined or refused records.

    So may they while the system has accepted records and not moved them: these are read again.
    """
    if book.halted == Halt.PAUSED:
        return False
    if book.state == WorkState.DUE:
        return bool(book.reason) or has_lines(session, book, AssignmentState.WAITING)
    if book.state == WorkState.DONE and book.reason == NO_ACCOUNT:
        return True
    return book.state in (WorkState.PLANNED, WorkState.DONE) and has_lines(session, book, *ANSWERED)
