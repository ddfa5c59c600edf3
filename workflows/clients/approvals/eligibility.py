"""Eligibility to decide: decision rights, standing in the workspace, and whether a proposal can still be decided.

Every answer of the workspace directory is fresh, and none is fetched inside a transaction.

A decision right is a place in an approval request that one person can fill, in their own right or as a delegate.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

from sqlmodel import Session

from config.text import N_, _
from workflows.authorization import Right, holders
from workflows.clients.approval_policy import is_leaver
from workflows.clients.approvals import changes, requests
from workflows.clients.approvals.requests import UnsealedRequest
from workflows.clients.context import ClientContext
from workflows.clients.split.sealed import unseal_proposal
from workflows.people import TERMINAL, Actor, Successor
from workflows.ports import DeliveryFailed, WorkspaceDirectory, WorkspaceMember
from workflows.refusals import Code, Refused
from workflows.storage.case import CaseData, is_about, read_case
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import Proposal, ProposalState

GROUP = "S"
"""First letter of a user group's id; the id of a person begins with U or W."""
LEFT = N_("has left the company")
UNKNOWN = N_("is not known in this workspace")


class LiveDirectory:
    """Members and groups as one operation fetched them, each once."""

    def __init__(self, members: WorkspaceDirectory, *, lenient: bool = False) -> None:
        """`lenient`: accept missing answers, because the command line must work while Slack is down."""
        self._members = members
        self._lenient = lenient
        self._people: dict[str, WorkspaceMember | None] = {}
        self._groups: dict[str, tuple[str, ...]] = {}
        self.unanswered: set[str] = set()
        """Ids for which no answer came."""

    def missing(self, ids: Iterable[str]) -> set[str]:
        """Return the ids that are still to be fetched."""
        return {entry for entry in ids if entry and entry not in self._people}

    def fetch(self, ids: Iterable[str]) -> None:
        """Fetch members and groups. Raises `Refused(NOT_CHECKED)` where no answer comes, unless lenient."""
        for entry in sorted(self.missing(ids)):
            try:
                group = entry.startswith(GROUP)
                self._groups[entry] = self._members.group(entry) if group else ()
                self._people[entry] = None if group else self._members.find(entry)
            except DeliveryFailed as error:
                if not self._lenient:
                    raise Refused(Code.NOT_CHECKED, why=str(error)) from error
                self.unanswered.add(entry)
                self._groups[entry], self._people[entry] = (), WorkspaceMember(entry, "", "")

    def member(self, user: str) -> WorkspaceMember | None:
        """Return a fetched member; None where the workspace has no such member."""
        return self._people[user]

    def users(self, pool: Iterable[str]) -> tuple[str, ...]:
        """Return the ids of all users in a pool of users and fetched groups, each once."""
        users = (self._groups[entry] if entry.startswith(GROUP) else (entry,) for entry in pool)
        return tuple(dict.fromkeys(chain.from_iterable(users)))


@dataclass(frozen=True, slots=True)
class PendingProposal:
    """A proposal with its case and its approval requests, loaded in one transaction."""

    proposal: Proposal
    case: Case
    data: CaseData
    requests: Sequence[UnsealedRequest]


@dataclass(frozen=True, slots=True)
class DecisionRight:
    """One place in one request that a person can fill."""

    request: UnsealedRequest
    principal: Successor

    @property
    def alternatives(self) -> int:
        """Number of people who could fill places of this request: the one with fewest is filled first."""
        return len(self.request.data.approvers) or len(self.request.data.pool)


class Eligibility:
    """Checks who may decide on a proposal, against the directory as it is now."""

    def __init__(self, context: ClientContext) -> None:
        self._context = context

    def allow(self, proposal_id: str, by: Actor, principal: str = "") -> Actor:
        """Return the actor as the gate knows them, where they may answer.

        At the terminal only those with the right record an answer, and never who opened the case. People who are asked
        decide for themselves (`principal`) without it.

        Raises `Refused`: UNKNOWN_PROPOSAL, SECOND_PERSON, and by authorization. Rights in Slack are read later.
        """
        if by.slack_id and not by.terminal:
            return by
        with self._context.store.read() as session:
            pending = self.load(session, proposal_id, hold=False)
        own = principal == by.slack_id != ""
        asked = [person.slack_id for request in pending.requests for person in request.data.approvers]
        by = self._context.authorization.require(Right.RECORD, by, pending.case.id, also=asked if own else ())
        if not own and by.may_be(pending.data.opened_by):
            roles = holders(Right.RECORD)
            raise Refused(Code.SECOND_PERSON, case=pending.case.id, by=pending.data.opened_by.name, roles=roles)
        return by

    def directory(self, by: Actor) -> LiveDirectory:
        """Return a directory with the acting user fetched. Raises `Refused(NOT_CHECKED)`; never at the command line."""
        directory = LiveDirectory(self._context.members, lenient=by.terminal or not by.slack_id)
        directory.fetch([] if by.terminal else [by.slack_id])
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

    def load(self, session: Session, proposal_id: str, *, hold: bool = True) -> PendingProposal:
        """Return a proposal, held until the end of a transaction that writes. Raises `Refused(UNKNOWN_PROPOSAL)`."""
        proposal = session.get(Proposal, proposal_id, with_for_update=hold or None)
        if proposal is None or proposal.state == ProposalState.DRAFT:
            raise Refused(Code.UNKNOWN_PROPOSAL, proposal=proposal_id)
        case, data = read_case(session, self._context.vault, proposal.case_id)
        return PendingProposal(
            proposal, case, data, requests.approval_requests(self._context.vault, session, case, proposal_id)
        )

    def needed_members(self, session: Session, pending: PendingProposal, by: Actor, principal: str = "") -> set[str]:
        """Return the users and groups that the decision rights of `by` depend on."""
        if _operates(by):
            rights = decision_rights_by_name(principal, pending.requests)
            return {right.principal.slack_id for right in rights if right.request.waiting}
        if any(person.slack_id == by.slack_id for request in pending.requests for person in request.data.named):
            return {by.slack_id}
        groups = {entry for request in pending.requests for entry in request.data.pool if entry.startswith(GROUP)}
        delegated = requests.active_delegates(self._context, session)
        absent = {user for user, delegate in delegated.items() if delegate.slack_id == by.slack_id}
        return {by.slack_id, *groups, *absent}

    def decision_rights(
        self, session: Session, pending: PendingProposal, by: Actor, directory: LiveDirectory, principal: str = ""
    ) -> list[DecisionRight]:
        """Return the places that somebody can fill. `principal`: whose answer an operator records.

        Raises `Refused`: LEAVER_DECIDES, NOT_APPROVER.
        """
        leaver = pending.data.leaver
        rights: list[DecisionRight] = []
        if _operates(by):
            if is_about(leaver, by):
                raise Refused(Code.LEAVER_DECIDES)
            by_name = decision_rights_by_name(principal, pending.requests)
            rights = [right for right in by_name if not is_leaver(right.principal, leaver)]
        elif by.slack_id:
            member = directory.member(by.slack_id)
            if is_leaver(Successor("", "", member.email if member else "", by.slack_id), leaver):
                raise Refused(Code.LEAVER_DECIDES)
            delegated = requests.active_delegates(self._context, session)
            rights = decision_rights(by.slack_id, pending.requests, delegated, directory)
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
        if proposal.state == ProposalState.PENDING and proposal.digest == digest:
            return
        stale = proposal.state in (ProposalState.PENDING, ProposalState.SUPERSEDED)
        raise Refused(
            Code.STALE_PROPOSAL if stale else Code.ALREADY_SETTLED,
            by=unseal_proposal(self._context.vault, case, proposal).settled_by,
            at=proposal.settled_at.isoformat() if proposal.settled_at else "",
            changed=changes.since(self._context, session, case, pending.data, proposal.id, digest) if stale else "",
            case=case.id,
            proposal=proposal.id,
            version=str(proposal.version),
            state=proposal.state,
        )

    def ineligibility(self, session: Session, directory: LiveDirectory, person: Successor) -> str:
        """Return why a person's decision does not count at this moment, or empty."""
        if requests.has_left(self._context.vault, session, person):
            return _(LEFT)
        if not person.slack_id:
            return ""
        member = directory.member(person.slack_id)
        if member is None:
            return _(UNKNOWN)
        left = requests.has_left(self._context.vault, session, Successor("", member.name, member.email, member.id))
        return member.standing or (_(LEFT) if left else "")


def _operates(by: Actor) -> bool:
    """Return whether somebody acts at the terminal, where they record an approver's answer."""
    return by.terminal or by.id.startswith(TERMINAL)


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
    waiting = [request for request in pending.requests if request.waiting] or pending.requests
    whole = [request for request in waiting if not request.data.share] or waiting
    return (
        requests.names([person for request in whole for person in request.data.approvers]) or pending.data.approver.name
    )


def decision_rights(
    user: str, asked: Sequence[UnsealedRequest], delegated: Mapping[str, Successor], directory: LiveDirectory
) -> list[DecisionRight]:
    """Return the places that a Slack user can fill, those that wait first, then those with fewest alternatives.

    `delegated`: delegates by the user who is away. A delegate who is asked in their own right has only that decision.
    """
    named = {person.slack_id for request in asked for person in request.data.named}

    def held_by(holder: str) -> list[DecisionRight]:
        return [
            DecisionRight(request, found)
            for request in asked
            if (found := _approver(request, holder, named, directory))
        ]

    rights = held_by(user) or [
        right for absent, delegate in delegated.items() if delegate.slack_id == user for right in held_by(absent)
    ]
    return sorted(rights, key=lambda right: (not right.request.waiting, right.alternatives))


def decision_rights_by_name(who: str, asked: Sequence[UnsealedRequest]) -> list[DecisionRight]:
    """Return the places of the people with this address or Slack id; without one, all places."""
    wanted = who.strip().casefold()
    rights = [
        DecisionRight(request, person)
        for request in asked
        for person in request.data.approvers
        if not wanted or wanted in (person.email.casefold(), person.slack_id.casefold(), person.key.casefold())
    ]
    return sorted(rights, key=lambda right: not right.request.waiting)


def _approver(request: UnsealedRequest, user: str, named: set[str], directory: LiveDirectory) -> Successor | None:
    """Return the user as an approver of the request: by name, or from its pool if no request names the user."""
    if user in named:
        return next((person for person in request.data.named if person.slack_id == user), None)
    if user not in directory.users(request.data.pool):
        return None
    known = (person for person in request.data.people if person.slack_id == user)
    return next(known, Successor(user, "", "", user))
