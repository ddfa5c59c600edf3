"""Decisions on exact digests: recorded one at a time, counted, and settled on the final approval or a decline."""

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import _
from workflows.clients.approval_policy import is_leaver
from workflows.clients.approvals import requests
from workflows.clients.approvals.eligibility import (
    UNKNOWN,
    DecisionRight,
    Eligibility,
    LiveDirectory,
    PendingProposal,
    completed,
)
from workflows.clients.approvals.requests import DecisionData
from workflows.clients.context import ClientContext, set_next_phase, show_outcome
from workflows.clients.split.sealed import seal_proposal, unseal_proposal
from workflows.news import Event, tell
from workflows.people import Actor, Successor
from workflows.refusals import Code, Refused
from workflows.storage.journal import HANDOVER, Personal
from workflows.storage.rows.clients import (
    Assignment,
    AssignmentState,
    BookHandover,
    Decision,
    Proposal,
    ProposalState,
    RequestState,
)


class DecisionRegister:
    """Records decisions and settles proposals, one at a time across replicas."""

    def __init__(self, context: ClientContext, eligibility: Eligibility) -> None:
        self._context = context
        self._eligibility = eligibility

    def decide(
        self, proposal_id: str, digest: str, by: Actor, approve: bool, reason: str = "", principal: str = ""
    ) -> None:
        """Approve or decline exactly what was shown. Raises `Refused`, with who settled it and when.

        `principal`: at the command line, the address or Slack id of the approver whose answer it is.
        """
        with self._context.refusals_journalled(proposal_id, by):
            by = self._eligibility.allow(proposal_id, by, principal)
            directory = self._eligibility.directory(by)

            def needed(session: Session, pending: PendingProposal) -> set[str]:
                rights = self._eligibility.needed_members(session, pending, by, principal)
                return rights | self.deciders(session, pending) if approve else rights

            with self._eligibility.transaction(directory, proposal_id, needed) as (session, pending):
                rights = self._eligibility.decision_rights(session, pending, by, directory, principal)
                self._eligibility.refuse_stale(session, pending, digest)
                decider, right = self._choose(session, pending, by, directory, rights)
                data = DecisionData(decider, right.principal, reason.strip(), by)
                self._write(session, pending, by, approve, data, right.request.row.id, directory)
                if not approve:
                    requests.settle(session, right.request.row, RequestState.DECLINED, self._context.clock.now())
                    self.settle(session, pending, by, ProposalState.DECLINED, data.reason)
                    self.release_lines(session, pending, AssignmentState.DECLINED)
                elif not self._complete(session, pending, by, data.reason, directory):
                    requests.refresh_messages(session, pending.proposal.id)
                    self._context.show_case(session, pending.case.id)

    def deciders(self, session: Session, pending: PendingProposal) -> set[str]:
        """Return the Slack ids of those whose decisions count, with those of their principals."""
        recorded = [self._unseal(pending, row) for row in requests.valid_decisions(session, pending.proposal.id)]
        return {person.slack_id for data in recorded for person in (data.person, data.principal)}

    def settle(
        self,
        session: Session,
        pending: PendingProposal,
        by: Actor,
        state: ProposalState,
        comment: str = "",
        deciders: str = "",
    ) -> None:
        """Settle a proposal and its requests, in the caller's transaction. `deciders`: names, where not `by` alone."""
        context, case, proposal = self._context, pending.case, pending.proposal
        proposal_data = replace(
            unseal_proposal(context.vault, case, proposal), settled_by=deciders or by.name or by.id, words=comment
        )
        proposal.state, proposal.settled_at, proposal.settled_by = state, context.clock.now(), by.id
        proposal.sealed = seal_proposal(context.vault, case, proposal.id, proposal_data)
        session.add(proposal)
        context.journal.write(
            session,
            actor=by,
            action=f"proposal.{state}",
            case_id=case.id,
            sealed=proposal.sealed,
            data={"proposal": proposal.id, "version": proposal.version, "digest": proposal.digest},
        )
        result = RequestState.EXPIRED if state == ProposalState.EXPIRED else RequestState.WITHDRAWN
        requests.close_all(session, proposal, result, context.clock.now())
        requests.refresh_messages(session, proposal.id)

    def release_lines(self, session: Session, pending: PendingProposal, state: AssignmentState) -> None:
        """Give the lines of a settled proposal their state, send their books on, and announce the outcome."""
        session.execute(
            sa.update(Assignment).where(col(Assignment.proposal_id) == pending.proposal.id).values(state=state)
        )
        named = select(Assignment.system).where(Assignment.proposal_id == pending.proposal.id).distinct()
        books = session.exec(
            select(BookHandover).where(BookHandover.case_id == pending.case.id, col(BookHandover.system).in_(named))
        )
        for book in books.all():
            book.reason = ""
            set_next_phase(self._context, session, book)
        by = Actor(pending.proposal.settled_by, "").slack_id
        show_outcome(self._context, session, pending.proposal.id, pending.case.id, pending.data, by=by)
        self._context.show_case(session, pending.case.id)

    def cancel(self, session: Session, case_id: str, by: Actor) -> None:
        """Settle every pending proposal of a cancelled case, in the caller's transaction."""
        pending = select(Proposal.id).where(Proposal.case_id == case_id, Proposal.state == ProposalState.PENDING)
        for proposal_id in session.exec(pending).all():
            self.settle(session, self._eligibility.load(session, proposal_id), by, ProposalState.CANCELLED)

    def void_ineligible(self, session: Session, pending: PendingProposal, directory: LiveDirectory) -> bool:
        """Void the decisions of people who may not decide any more; return whether there was any."""
        voided = False
        for row in requests.valid_decisions(session, pending.proposal.id):
            data = self._unseal(pending, row)
            reasons = (
                self._eligibility.ineligibility(session, directory, person) for person in (data.person, data.principal)
            )
            if why := next(filter(None, reasons), ""):
                voided = True
                row.void, row.decider_key, row.principal_key = why, "", ""
                session.add(row)
                for request in pending.requests:
                    if request.row.id == row.request_id:
                        request.row.result, request.row.settled_at = RequestState.WAITING, None
                        requests.make_due_now(session, request.row, self._context.clock.now())
                self._context.journal.write(
                    session,
                    actor=HANDOVER,
                    action="approval.void",
                    case_id=pending.case.id,
                    sealed=row.sealed,
                    data={"proposal": pending.proposal.id, "request": row.request_id, "by": Personal(row.decided_by)},
                )
        return voided

    def _choose(
        self,
        session: Session,
        pending: PendingProposal,
        by: Actor,
        directory: LiveDirectory,
        rights: Sequence[DecisionRight],
    ) -> tuple[Successor, DecisionRight]:
        """Return the decider and the place filled. Nobody decides twice, by role, delegation or account."""
        valid = requests.valid_decisions(session, pending.proposal.id)
        taken = {key for row in valid for key in (row.decider_key, row.principal_key)}
        decider = self._decider(session, directory, by)
        again = decider is not None and requests.person_key(self._context.vault, decider) in taken
        earlier = [self._unseal(pending, row).by or Actor(row.decided_by, "") for row in valid]
        if again or any(by.may_be(one) for one in earlier):
            raise Refused(Code.ALREADY_DECIDED)
        waiting = [
            DecisionRight(right.request, completed(right.principal, directory))
            for right in rights
            if right.request.waiting
        ]
        free = [right for right in waiting if requests.person_key(self._context.vault, right.principal) not in taken]
        if not free:
            own = {right.request.row.id for right in rights}
            row = next((row for row in reversed(valid) if row.request_id in own), None)
            raise Refused(
                Code.ALREADY_SETTLED,
                by=self._unseal(pending, row).person.name if row else "",
                at=row.decided_at.isoformat() if row else "",
                case=pending.case.id,
            )
        if decider is None and len({right.principal.key for right in free}) > 1:
            raise Refused(Code.WHICH_APPROVER, known=requests.names([right.principal for right in free]))
        principal = free[0].principal
        if any(is_leaver(person, pending.data.leaver) for person in (principal, decider or principal)):
            raise Refused(Code.LEAVER_DECIDES)
        if why := self._eligibility.ineligibility(session, directory, principal):
            raise Refused(Code.CANNOT_DECIDE, name=principal.name, why=why)
        return decider or principal, free[0]

    def _decider(self, session: Session, directory: LiveDirectory, by: Actor) -> Successor | None:
        """Return the acting user as the directory has them now; None at the command line. Raises `Refused`."""
        if by.terminal or not by.slack_id:
            return None
        member = directory.member(by.slack_id)
        if member is None:
            raise Refused(Code.CANNOT_DECIDE, name=by.name, why=_(UNKNOWN))
        decider = Successor(member.email.casefold() or member.id, member.name or by.name, member.email, member.id)
        if why := self._eligibility.ineligibility(session, directory, decider):
            raise Refused(Code.CANNOT_DECIDE, name=decider.name, why=why)
        return decider

    def _write(
        self,
        session: Session,
        pending: PendingProposal,
        by: Actor,
        approve: bool,
        data: DecisionData,
        request_id: str,
        directory: LiveDirectory,
    ) -> None:
        vault, proposal = self._context.vault, pending.proposal
        session.execute(
            sa.delete(Decision).where(  # a void decision of the same person: the journal keeps the record
                col(Decision.proposal_id) == proposal.id, col(Decision.decided_by) == by.id
            )
        )
        row = Decision(
            proposal_id=proposal.id,
            digest=proposal.digest,
            decided_by=by.id,
            approve=approve,
            decided_at=self._context.clock.now(),
            request_id=request_id,
            decider_key=requests.person_key(vault, data.person),
            principal_key=requests.person_key(vault, data.principal),
            sealed=requests.seal_decision(vault, pending.case, proposal.id, by.id, data),
        )
        session.add(row)
        session.flush()
        self._context.journal.write(
            session,
            actor=by,
            action="approval.yes" if approve else "approval.no",
            case_id=pending.case.id,
            sealed=row.sealed,
            data={
                "proposal": proposal.id,
                "digest": proposal.digest,
                "request": row.request_id,
                "delegated": row.decider_key != row.principal_key,
                **({"unchecked": Personal(sorted(directory.unanswered))} if directory.unanswered else {}),
            },
        )

    def _complete(
        self, session: Session, pending: PendingProposal, by: Actor, reason: str, directory: LiveDirectory
    ) -> bool:
        """Approve the proposal once every request has its quorum and all earlier decisions still count.

        Return whether that was so.
        """
        valid = requests.valid_decisions(session, pending.proposal.id)
        for request in pending.requests:
            given = sum(row.request_id == request.row.id and row.approve for row in valid)
            if request.waiting and given >= request.row.quorum:
                requests.settle(session, request.row, RequestState.APPROVED, self._context.clock.now())
        if any(request.waiting for request in pending.requests) or self.void_ineligible(session, pending, directory):
            return False
        deciders = requests.names([self._unseal(pending, row).person for row in valid]) if len(valid) > 1 else ""
        self.settle(session, pending, by, ProposalState.APPROVED, reason, deciders)
        self.release_lines(session, pending, AssignmentState.APPROVED)
        if self._context.policy.tell_receivers and pending.case.effective_at > self._context.clock.now():
            self._tell_successors(session, pending)
        return True

    def _tell_successors(self, session: Session, pending: PendingProposal) -> None:
        """Tell those who will get clients, except who has just agreed to that."""
        content = unseal_proposal(self._context.vault, pending.case, pending.proposal)
        keys = requests.summary(content).shares
        users = [person.slack_id for person in pending.data.successors if person.key in keys]
        agreed = [row.decided_by for row in requests.valid_decisions(session, pending.proposal.id)]
        tell(
            self._context,
            session,
            pending.case.id,
            pending.data,
            Event.RECEIVES,
            users,
            but=[Actor(one, "").slack_id for one in agreed],
            mark=pending.proposal.id,
        )

    def _unseal(self, pending: PendingProposal, row: Decision) -> DecisionData:
        return requests.unseal_decision(self._context.vault, pending.case, row)
