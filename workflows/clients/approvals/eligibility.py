"""Eligibility to decide: decision rights, standing in the workspace, and whether a proposal can still be decided."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlmodel import Session

from config.text import N_, _
from workflows.authorization import Right
from workflows.clients.approval_policy import is_leaver
from workflows.clients.approvals import changes, delegations, requests
from workflows.clients.approvals.delegates import DecisionRight, decision_rights, decision_rights_by_name
from workflows.clients.approvals.directory import GROUP, LiveDirectory
from workflows.clients.approvals.requests import UnsealedRequest
from workflows.clients.context import ClientContext
from workflows.clients.split import shares
from workflows.people import Actor, Successor
from workflows.refusals import Code, Refused
from workflows.storage.case import CaseData, read_case
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import Proposal, ProposalState

COMMAND_LINE = "cli:"
LEFT = N_("has left the company")
UNKNOWN = N_("is not known in this workspace")


@dataclass(frozen=True, slots=True)
class PendingProposal:
    """A proposal with its case and its approval requests, loaded in one transaction."""

    proposal: Proposal
    case: Case
    data: CaseData
    requests: Sequence[UnsealedRequest]


class Eligibility:
    """Checks who may decide on a proposal, against the directory as it is now."""

    def __init__(self, context: ClientContext) -> None:
        self._context = context

    def allow(self, proposal_id: str, by: Actor) -> None:
        """Let only those with the right record an answer at the terminal, and never who opened the case.

        Raises `Refused`: UNKNOWN_PROPOSAL, SECOND_PERSON, and by authorization. Rights in Slack are read later.
        """
        if by.slack_id:
            return
        with self._context.store.read() as session:
            pending = self.load(session, proposal_id)
        self._context.authorization.require(Right.RECORD, by, pending.case.id)
        if by.may_be(pending.data.opened_by):
            raise Refused(Code.SECOND_PERSON, case=pending.case.id, by=pending.data.opened_by.name)

    def directory(self, by: Actor) -> LiveDirectory:
        """Return a directory with the acting user fetched. Raises `Refused(NOT_CHECKED)`; never at the command line."""
        directory = LiveDirectory(self._context.approvals.members, lenient=not by.slack_id)
        directory.fetch([by.slack_id])
        return directory

    @contextmanager
    def transaction(
        self, directory: LiveDirectory, proposal_id: str, needed: Callable[[Session, PendingProposal], Iterable[str]]
    ) -> Iterator[tuple[Session, PendingProposal]]:
        """Give a proposal in a write transaction, once every member that it needs was fetched outside of one.

        Raises `Refused`: UNKNOWN_PROPOSAL, NOT_CHECKED.
        """
        while True:
            with self._context.store.write() as session:
                pending = self.load(session, proposal_id)
                missing = directory.missing(needed(session, pending))
                if not missing:
                    yield session, pending
                    return
            directory.fetch(missing)

    def case_of(self, proposal_id: str) -> str:
        """Return the case of a proposal. Raises `Refused(UNKNOWN_PROPOSAL)`."""
        with self._context.store.read() as session:
            proposal = session.get(Proposal, proposal_id)
        if proposal is None:
            raise Refused(Code.UNKNOWN_PROPOSAL, proposal=proposal_id)
        return proposal.case_id

    def load(self, session: Session, proposal_id: str) -> PendingProposal:
        """Return a proposal, held until the transaction ends. Raises `Refused(UNKNOWN_PROPOSAL)`."""
        proposal = session.get(Proposal, proposal_id, with_for_update=True)
        if proposal is None or proposal.state == ProposalState.DRAFT:
            raise Refused(Code.UNKNOWN_PROPOSAL, proposal=proposal_id)
        case, data = read_case(session, self._context.vault, proposal.case_id)
        found = requests.approval_requests(self._context.vault, session, case, proposal_id)
        return PendingProposal(proposal, case, data, found)

    def needed_members(self, session: Session, pending: PendingProposal, by: Actor, principal: str = "") -> set[str]:
        """Return the users and groups that the decision rights of `by` depend on."""
        if by.id.startswith(COMMAND_LINE):
            rights = decision_rights_by_name(principal, pending.requests)
            return {right.principal.slack_id for right in rights if right.request.waiting}
        if any(person.slack_id == by.slack_id for request in pending.requests for person in request.data.named):
            return {by.slack_id}
        groups = {one for request in pending.requests for one in request.data.pool if one.startswith(GROUP)}
        delegated = delegations.active(session, self._context.clock.now())
        return {by.slack_id, *groups, *(absent for absent, delegate in delegated.items() if delegate == by.slack_id)}

    def decision_rights(
        self, session: Session, pending: PendingProposal, by: Actor, directory: LiveDirectory, principal: str = ""
    ) -> list[DecisionRight]:
        """Return the places that somebody can fill. `principal`: whose answer an operator records.

        Raises `Refused`: LEAVER_DECIDES, NOT_APPROVER.
        """
        leaver = pending.data.leaver
        rights: list[DecisionRight] = []
        if by.id.startswith(COMMAND_LINE):
            by_name = decision_rights_by_name(principal, pending.requests)
            rights = [right for right in by_name if not is_leaver(right.principal, leaver)]
        elif by.slack_id:
            member = directory.member(by.slack_id)
            if is_leaver(Successor("", "", member.email if member else "", by.slack_id), leaver):
                raise Refused(Code.LEAVER_DECIDES)
            delegated = delegations.active(session, self._context.clock.now())
            rights = decision_rights(by.slack_id, pending.requests, delegated, directory.users)
        if not rights:
            raise Refused(Code.NOT_APPROVER, approver=_approver_names(pending))
        return rights

    def refuse_stale(self, session: Session, pending: PendingProposal, digest: str) -> None:
        """Refuse a proposal that is settled or is not the one shown. The refusal names who, when, and the changes.

        Raises `Refused`: NOT_OPEN, STALE_PROPOSAL, ALREADY_SETTLED.
        """
        proposal, case = pending.proposal, pending.case
        if case.state == CaseState.CANCELLED:
            raise Refused(Code.NOT_OPEN, case=case.id)
        facts = {"case": case.id, "proposal": proposal.id, "version": str(proposal.version), "state": proposal.state}
        if proposal.state != ProposalState.PENDING:
            stale = proposal.state == ProposalState.SUPERSEDED
            raise Refused(
                Code.STALE_PROPOSAL if stale else Code.ALREADY_SETTLED,
                by=shares.unseal(self._context.vault, case, proposal).settled_by,
                at=proposal.settled_at.isoformat() if proposal.settled_at else "",
                changed=changes.since(self._context, session, case, pending.data, proposal.id) if stale else "",
                **facts,
            )
        if proposal.digest != digest:
            changed = changes.since_digest(self._context, session, case, pending.data, digest)
            raise Refused(Code.STALE_PROPOSAL, by="", at="", changed=changed, **facts)

    def ineligibility(self, session: Session, directory: LiveDirectory, person: Successor) -> str:
        """Return why a person's decision does not count at this moment, or empty."""
        if requests.has_left(self._context.vault, session, person):
            return _(LEFT)
        if not person.slack_id:
            return ""
        member = directory.member(person.slack_id)
        if member is None:
            return _(UNKNOWN)
        if member.standing:
            return member.standing
        known = Successor("", member.name, member.email, member.id)
        return _(LEFT) if requests.has_left(self._context.vault, session, known) else ""


def completed(person: Successor, directory: LiveDirectory) -> Successor:
    """Return a person with the name and the address that the directory has now, where they are missing."""
    member = directory.member(person.slack_id) if person.slack_id else None
    if member is None:
        return person
    return Successor(
        person.key if person.email or not member.email else member.email.casefold(),
        person.name or member.name,
        person.email or member.email,
        person.slack_id,
    )


def _approver_names(pending: PendingProposal) -> str:
    waiting = [request.data for request in pending.requests if request.waiting] or [
        one.data for one in pending.requests
    ]
    whole = [data for data in waiting if not data.share] or waiting
    return requests.names([person for data in whole for person in data.approvers]) or pending.data.approver.name
