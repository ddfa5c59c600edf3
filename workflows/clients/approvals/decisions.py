"""One person's verdict on one exact digest: who may give it, whether it is the last that was missing, what follows.

Long because who may decide, when it is enough and what follows must be read side by side.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import _
from workflows.clients.approval_policy import RECEIVER, is_leaver
from workflows.clients.approvals import changes, delegations, requests
from workflows.clients.approvals.delegates import DecisionRight, decision_rights, decision_rights_by_name
from workflows.clients.approvals.directory import LiveDirectory, NotLookedUp
from workflows.clients.approvals.eligibility import COMMAND_LINE, LEFT, SLACK, UNKNOWN, PendingProposal
from workflows.clients.approvals.requests import DecisionData
from workflows.clients.context import ClientContext, set_next_phase, show_outcome
from workflows.clients.split import shares
from workflows.people import Actor, Successor
from workflows.refusals import Code, Refused
from workflows.storage.case import read_case
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.clients import (
    Assignment,
    AssignmentState,
    BookHandover,
    Decision,
    Proposal,
    ProposalState,
    RequestState,
)


@dataclass(frozen=True, slots=True)
class SubmittedDecision:
    """What somebody wants to say: `whose` names the approver that an operator at the command line answers for."""

    proposal_id: str
    digest: str
    by: Actor
    approve: bool
    reason: str = ""
    principal: str = ""

    @property
    def user(self) -> str:
        """The Slack id of who says it, or empty."""
        return self.by.id.removeprefix(SLACK) if self.by.id.startswith(SLACK) else ""


class DecisionService:
    """Takes them, one at a time across replicas."""

    def __init__(self, context: ClientContext) -> None:
        self._context = context

    def decide(self, submitted: SubmittedDecision) -> None:
        """Put one on record, and settle the proposal where it was the last, or a no. Raises `Refused`."""
        live = self.live(submitted.by)
        self.retry_with_lookups(live, lambda: self._take(submitted, live))

    def live(self, by: Actor) -> LiveDirectory:
        """Return the directory, with who acts looked up. Raises `Refused(NOT_CHECKED)`; never at the command line."""
        live = LiveDirectory(self._context.approvals.members, lenient=not by.id.startswith(SLACK))
        live.look(by.id.removeprefix(SLACK) if by.id.startswith(SLACK) else "")
        return live

    def retry_with_lookups(self, live: LiveDirectory, act: Callable[[], None]) -> None:
        """Do something again for as long as it meets people who are not looked up yet; it changes nothing before."""
        while True:
            try:
                act()
            except NotLookedUp as unseen:
                live.look(unseen.id)
            else:
                return

    def load_pending(self, session: Session, proposal_id: str) -> PendingProposal:
        """Return a proposal, held until the transaction ends. Raises `Refused(UNKNOWN_PROPOSAL)`."""
        proposal = session.get(Proposal, proposal_id, with_for_update=True)
        if proposal is None or proposal.state == ProposalState.DRAFT:
            raise Refused(Code.UNKNOWN_PROPOSAL, proposal=proposal_id)
        case, data = read_case(session, self._context.vault, proposal.case_id)
        return PendingProposal(
            proposal, case, data, requests.approval_requests(self._context.vault, session, case, data, proposal_id)
        )

    def decision_rights(
        self, session: Session, table: PendingProposal, by: Actor, live: LiveDirectory, whose: str = ""
    ) -> list[DecisionRight]:
        """Return the places that somebody can fill, checked against the directory as it is now.

        Raises `Refused`: LEAVER_DECIDES, NOT_APPROVER, CANNOT_DECIDE.
        """
        leaver = table.data.leaver
        if by.id.startswith(COMMAND_LINE):
            found = [
                seat
                for seat in decision_rights_by_name(whose, table.approval_requests)
                if not is_leaver(seat.principal, leaver)
            ]
        else:
            user = by.id.removeprefix(SLACK)
            if leaver.slack_id and user == leaver.slack_id:
                raise Refused(Code.LEAVER_DECIDES)
            found = self._own(session, table, user, live) if by.id.startswith(SLACK) and user else []
        if not found:
            raise Refused(Code.NOT_APPROVER, approver=self._approvers(table))
        return found

    def refuse_stale(self, session: Session, table: PendingProposal, digest: str) -> None:
        """Refuse what cannot be decided any more, or is not what was shown: with who, when, and what changed."""
        proposal, case = table.proposal, table.case
        if case.state == CaseState.CANCELLED:
            raise Refused(Code.NOT_OPEN, case=case.id)
        facts = {"case": case.id, "proposal": proposal.id, "version": str(proposal.version), "state": proposal.state}
        if proposal.state != ProposalState.PENDING:
            sheet = shares.unseal(self._context.vault, case, proposal)
            stale = proposal.state == ProposalState.SUPERSEDED
            changed = changes.since(self._context, session, case, table.data, proposal.id) if stale else ""
            raise Refused(
                Code.STALE_PROPOSAL if stale else Code.ALREADY_SETTLED,
                by=sheet.settled_by,
                at=proposal.settled_at.isoformat() if proposal.settled_at else "",
                changed=changed,
                **facts,
            )
        if proposal.digest != digest:
            changed = changes.since_digest(self._context, session, case, table.data, digest)
            raise Refused(Code.STALE_PROPOSAL, by="", at="", changed=changed, **facts)

    def ineligibility(self, session: Session, live: LiveDirectory, one: Successor) -> str:
        """Return why this person's word counts for nothing at this moment, or empty. Raises `Unseen`."""
        if requests.has_left(self._context.vault, session, one):
            return _(LEFT)
        if not one.slack_id:
            return ""
        member = live.member(one.slack_id)
        if member is None:
            return _(UNKNOWN)
        if member.standing:
            return member.standing
        known = Successor("", member.name, member.email, member.id)
        return _(LEFT) if requests.has_left(self._context.vault, session, known) else ""

    def settle(
        self, session: Session, table: PendingProposal, by: Actor, state: ProposalState, words: str, names: str = ""
    ) -> None:
        """Settle a proposal, on record. `names`: who decided, where not `by` alone."""
        context, case, proposal = self._context, table.case, table.proposal
        sheet = shares.unseal(context.vault, case, proposal).settled(names or by.name or by.id, words.strip())
        proposal.state, proposal.settled_at, proposal.settled_by = state, context.clock.now(), by.id
        proposal.sealed = shares.seal(context.vault, case, proposal.id, sheet)
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

    def end(self, session: Session, table: PendingProposal, state: AssignmentState) -> None:
        """Send the lines of a settled proposal, and their books, to where they go next, and tell people."""
        session.execute(
            sa.update(Assignment).where(col(Assignment.proposal_id) == table.proposal.id).values(state=state)
        )
        named = select(Assignment.system).where(Assignment.proposal_id == table.proposal.id).distinct()
        books = session.exec(
            select(BookHandover).where(BookHandover.case_id == table.case.id, col(BookHandover.system).in_(named))
        )
        for book in books.all():
            book.reason = ""
            set_next_phase(self._context, session, book)
        show_outcome(session, table.proposal.id, table.case.id, table.data.opened_by)
        self._context.show_case(session, table.case.id)

    def void(self, session: Session, table: PendingProposal, live: LiveDirectory) -> list[Decision]:
        """Take back every yes of somebody who cannot decide any more, and wait for others; return those taken back."""
        found = []
        for row in _valid(session, table.proposal.id):
            word = requests.unseal_decision(self._context.vault, table.case, row)
            why = (
                next(
                    (why for one in (word.person, word.principal) if (why := self.ineligibility(session, live, one))),
                    "",
                )
                if word
                else ""
            )
            if why:
                self._void(session, table, row, why)
                found.append(row)
        return found

    def _void(self, session: Session, table: PendingProposal, row: Decision, why: str) -> None:
        row.void, row.decider_key, row.principal_key = why, "", ""
        session.add(row)
        for approval_request in table.approval_requests:
            if approval_request.row.id == row.request_id:
                approval_request.row.result, approval_request.row.settled_at = RequestState.WAITING, None
                requests.make_due_now(session, approval_request.row, self._context.clock.now())
        self._context.journal.write(
            session,
            actor=HANDOVER,
            action="approval.void",
            case_id=table.case.id,
            sealed=row.sealed,
            data={"proposal": table.proposal.id, "request": row.request_id, "by": row.decided_by},
        )

    def _take(self, submitted: SubmittedDecision, live: LiveDirectory) -> None:
        with self._context.store.write() as session:
            table = self.load_pending(session, submitted.proposal_id)
            found = self.decision_rights(session, table, submitted.by, live, submitted.principal)
            self.refuse_stale(session, table, submitted.digest)
            person, seat = self._choose(session, table, submitted, live, found)
            self._write(session, table, submitted, person, seat, live)
            if not submitted.approve:
                requests.settle(session, seat.approval_request.row, RequestState.DECLINED, self._context.clock.now())
                self.settle(session, table, submitted.by, ProposalState.DECLINED, submitted.reason)
                self.end(session, table, AssignmentState.DECLINED)
            elif not self._complete(session, table, submitted, live):
                requests.refresh_messages(session, table.proposal.id)
                self._context.show_case(session, table.case.id)

    def _choose(
        self,
        session: Session,
        table: PendingProposal,
        submitted: SubmittedDecision,
        live: LiveDirectory,
        found: Sequence[DecisionRight],
    ) -> tuple[Successor, DecisionRight]:
        """Return who speaks, and whose place they fill. Nobody has two words: not by role, delegation or account."""
        valid = _valid(session, table.proposal.id)
        taken = {key for row in valid for key in (row.decider_key, row.principal_key)}
        if submitted.by.id in {row.decided_by for row in valid}:
            raise Refused(Code.ALREADY_DECIDED)
        person = self._speaker(session, live, submitted)
        if person is not None and requests.person_key(self._context.vault, person) in taken:
            raise Refused(Code.ALREADY_DECIDED)
        free = [
            seat
            for seat in found
            if seat.approval_request.waiting
            and requests.person_key(self._context.vault, self._known(seat.principal, live)) not in taken
        ]
        if not free:
            raise self._taken(table, found, valid)
        if person is None and len({seat.principal.key for seat in free}) > 1:
            raise Refused(Code.WHICH_APPROVER, known=requests.names([seat.principal for seat in free]))
        whose = self._known(free[0].principal, live)
        if is_leaver(whose, table.data.leaver) or (person and is_leaver(person, table.data.leaver)):
            raise Refused(Code.LEAVER_DECIDES)
        if why := self.ineligibility(session, live, whose):
            raise Refused(Code.CANNOT_DECIDE, name=whose.name, why=why)
        return person or whose, DecisionRight(free[0].approval_request, whose)

    def _speaker(self, session: Session, live: LiveDirectory, submitted: SubmittedDecision) -> Successor | None:
        """Return who clicked, as the directory has them now; None at the command line. Raises `Refused`."""
        if not submitted.user:
            return None
        member = live.member(submitted.user)
        if member is None:
            raise Refused(Code.CANNOT_DECIDE, name=submitted.by.name, why=_(UNKNOWN))
        person = Successor(
            member.email.casefold() or member.id, member.name or submitted.by.name, member.email, member.id
        )
        if why := self.ineligibility(session, live, person):
            raise Refused(Code.CANNOT_DECIDE, name=person.name, why=why)
        return person

    def _write(
        self,
        session: Session,
        table: PendingProposal,
        submitted: SubmittedDecision,
        person: Successor,
        seat: DecisionRight,
        live: LiveDirectory,
    ) -> None:
        vault, proposal = self._context.vault, table.proposal
        session.execute(
            sa.delete(Decision).where(  # a word of the same person that was found void: the journal has it
                col(Decision.proposal_id) == proposal.id, col(Decision.decided_by) == submitted.by.id
            )
        )
        said = DecisionData(person, seat.principal, submitted.reason.strip())
        row = Decision(
            proposal_id=proposal.id,
            digest=proposal.digest,
            decided_by=submitted.by.id,
            approve=submitted.approve,
            decided_at=self._context.clock.now(),
            request_id=seat.approval_request.row.id,
            decider_key=requests.person_key(vault, person),
            principal_key=requests.person_key(vault, seat.principal),
            sealed=requests.seal_decision(vault, table.case, proposal.id, submitted.by.id, said),
        )
        session.add(row)
        session.flush()
        self._context.journal.write(
            session,
            actor=submitted.by,
            action="approval.yes" if submitted.approve else "approval.no",
            case_id=table.case.id,
            sealed=row.sealed,
            data={
                "proposal": proposal.id,
                "digest": proposal.digest,
                "request": seat.approval_request.row.id,
                "delegated": row.decider_key != row.principal_key,
                **({"unchecked": sorted(live.silent)} if live.silent else {}),
            },
        )

    def _complete(
        self, session: Session, table: PendingProposal, submitted: SubmittedDecision, live: LiveDirectory
    ) -> bool:
        """Settle what has enough; where that is everything, look at every yes again, and approve. Return whether."""
        self._tally(session, table)
        if any(approval_request.waiting for approval_request in table.approval_requests):
            return False
        if self.void(session, table, live):
            return False
        words = [
            requests.unseal_decision(self._context.vault, table.case, row) for row in _valid(session, table.proposal.id)
        ]
        several = requests.names([one.person for one in words if one]) if len(words) > 1 else ""
        self.settle(session, table, submitted.by, ProposalState.APPROVED, submitted.reason, several)
        self.end(session, table, AssignmentState.APPROVED)
        return True

    def _tally(self, session: Session, table: PendingProposal) -> None:
        valid = _valid(session, table.proposal.id)
        for approval_request in table.approval_requests:
            given = sum(row.request_id == approval_request.row.id and row.approve for row in valid)
            if approval_request.waiting and given >= approval_request.row.quorum:
                requests.settle(session, approval_request.row, RequestState.APPROVED, self._context.clock.now())

    def _own(self, session: Session, table: PendingProposal, user: str, live: LiveDirectory) -> list[DecisionRight]:
        member = live.member(user)
        if member and is_leaver(Successor("", "", member.email, user), table.data.leaver):
            raise Refused(Code.LEAVER_DECIDES)
        return decision_rights(
            user, table.approval_requests, delegations.active(session, self._context.clock.now()), live.ids
        )

    def _known(self, one: Successor, live: LiveDirectory) -> Successor:
        """Return a person of a pool with name and address, as the directory has them now."""
        member = live.member(one.slack_id) if one.slack_id else None
        if member is None or not member.email:
            return one
        return Successor(
            one.key if one.email else member.email.casefold(),
            one.name or member.name,
            one.email or member.email,
            one.slack_id,
        )

    def _taken(self, table: PendingProposal, found: Sequence[DecisionRight], valid: Sequence[Decision]) -> Refused:
        """Return the refusal of somebody whose part is decided, with who did it and when."""
        mine = {seat.approval_request.row.id for seat in found}
        row = next((row for row in reversed(valid) if row.request_id in mine), None)
        word = requests.unseal_decision(self._context.vault, table.case, row) if row else None
        return Refused(
            Code.ALREADY_SETTLED,
            by=word.person.name if word else "",
            at=row.decided_at.isoformat() if row else "",
            case=table.case.id,
        )

    def _approvers(self, table: PendingProposal) -> str:
        waiting = [
            approval_request for approval_request in table.approval_requests if approval_request.waiting
        ] or table.approval_requests
        shown = [
            approval_request for approval_request in waiting if not approval_request.row.role.startswith(RECEIVER)
        ] or waiting
        return (
            requests.names([one for approval_request in shown for one in approval_request.asked.approvers])
            or table.data.approver.name
        )


def _valid(session: Session, proposal_id: str) -> list[Decision]:
    return [row for row in requests.decisions(session, proposal_id) if not row.void]
