"""Approval requests over time: approvers are asked, reminded, escalated to others, and a request expires in the end.

One `ApprovalRequest` row is one piece of work. Members are fetched first. Then one transaction acts, if the row is
still as it was read. No answer never means yes: an expired request moves nothing.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlmodel import Session

from config.text import _
from workflows.authorization import Right
from workflows.clients.approval_policy import ApprovalRole, is_leaver, same_person
from workflows.clients.approvals import delegations, reminders, requests
from workflows.clients.approvals.decisions import DecisionRegister
from workflows.clients.approvals.directory import GROUP, LiveDirectory
from workflows.clients.approvals.eligibility import Eligibility, PendingProposal, completed
from workflows.clients.approvals.reminders import CHECK_EVERY, RETRY_AFTER, ApproverAvailability, RequestActions
from workflows.clients.approvals.requests import AT, RequestData, UnsealedRequest
from workflows.clients.context import ClientContext
from workflows.people import Actor, Successor
from workflows.refusals import Code, Refused
from workflows.storage.journal import HANDOVER
from workflows.storage.outbox import enqueue
from workflows.storage.rows.clients import ApprovalRequest, AssignmentState, ProposalState, RequestState
from workflows.storage.rows.outbox import MessageKind
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again, finish

log = logging.getLogger(__name__)


class ApproverAppointment:
    """Adds a person to the approvers of one request."""

    def __init__(self, context: ClientContext, eligibility: Eligibility) -> None:
        self._context = context
        self._eligibility = eligibility

    def appoint(self, proposal_id: str, user: str, by: Actor, role: str = ApprovalRole.MANAGER) -> None:
        """Ask the Slack user `user` as well. Nobody names themselves.

        Raises `Refused`: UNKNOWN_PROPOSAL, ALREADY_SETTLED, BAD_DELEGATE (with why), and by authorization.
        """
        self._context.authorization.require(Right.APPOINT, by, self._eligibility.case_of(proposal_id))
        directory = LiveDirectory(self._context.approvals.members)
        with (
            self._context.refusals_journalled(proposal_id, by),
            self._eligibility.transaction(directory, proposal_id, lambda _session, _pending: [user]) as (
                session,
                pending,
            ),
        ):
            self._add(session, pending, user, by, role, directory)

    def _add(
        self, session: Session, pending: PendingProposal, user: str, by: Actor, role: str, directory: LiveDirectory
    ) -> None:
        request = self._open_request(pending, role)
        member = directory.member(user)
        person = Successor("", member.name if member else user, member.email if member else "", user)
        if by.may_be(Actor(f"slack:{user}", person.name, person.email)):
            raise Refused(Code.BAD_DELEGATE, why=_("nobody can name themselves"))
        if why := self._objection(session, pending, request, person, directory):
            raise Refused(Code.BAD_DELEGATE, why=why)
        row, pool = request.row, (*request.data.pool, user)
        row.sealed = replace(request.data, pool=pool).seal(self._context.vault, pending.case, row.id)
        requests.make_due_now(session, row, self._context.clock.now())
        self._context.journal.write(
            session,
            actor=by,
            action="approval.appointed",
            case_id=pending.case.id,
            sealed=row.sealed,
            data={"proposal": pending.proposal.id, "request": row.id, "who": user},
        )

    def _open_request(self, pending: PendingProposal, role: str) -> UnsealedRequest:
        found = next((one for one in pending.requests if one.row.role == role and one.waiting), None)
        proposal = pending.proposal
        if proposal.state != ProposalState.PENDING or found is None:
            settled_at = proposal.settled_at.isoformat() if proposal.settled_at else ""
            raise Refused(Code.ALREADY_SETTLED, by=proposal.settled_by, case=pending.case.id, at=settled_at)
        return found

    def _objection(
        self,
        session: Session,
        pending: PendingProposal,
        request: UnsealedRequest,
        person: Successor,
        directory: LiveDirectory,
    ) -> str:
        if request.data.share:
            return _("a colleague's own share is theirs alone to take; change the split instead")
        if is_leaver(person, pending.data.leaver):
            return _("that person is leaving")
        if _is_approver(pending, person):
            return _("that person is asked to decide in case {case} already").format(case=pending.case.id)
        return self._eligibility.ineligibility(session, directory, person)


@dataclass(frozen=True, slots=True)
class AvailableApprovers:
    """Approvers of a request as the directory has them now."""

    people: tuple[Successor, ...]
    zones: dict[str, str]
    ineligible: tuple[str, ...]
    """Names of approvers who cannot decide, each with the reason."""


class ApprovalEscalation:
    """Checks due requests: asks, reminds, escalates, expires."""

    def __init__(self, context: ClientContext, eligibility: Eligibility, decisions: DecisionRegister) -> None:
        self._context = context
        self._eligibility = eligibility
        self._decisions = decisions

    def run(self, request_id: str) -> None:
        """Check one request. A row that is not due is left alone: a doubled call does nothing."""
        with self._context.store.read() as session:
            read = session.get_one(ApprovalRequest, request_id)
        if read.state != WorkState.DUE or read.due_at > self._context.clock.now():
            return
        directory = LiveDirectory(self._context.approvals.members)

        def needed(session: Session, pending: PendingProposal) -> set[str]:
            return self._needed_members(session, pending, request_id, directory)

        try:
            with self._eligibility.transaction(directory, read.proposal_id, needed) as (session, pending):
                row = session.get_one(ApprovalRequest, request_id, with_for_update=True)
                if (row.state, row.attempt) == (read.state, read.attempt):
                    self._check(session, pending, row, directory)
        except Refused as refused:
            if refused.code != Code.NOT_CHECKED:
                raise
            self._put_off(read, refused.facts.get("why", ""))

    def _needed_members(
        self, session: Session, pending: PendingProposal, request_id: str, directory: LiveDirectory
    ) -> set[str]:
        """Return the members that a check reads; the groups of the pool alone, until their members are known."""
        if pending.proposal.state != ProposalState.PENDING:
            return set()
        data = next(one.data for one in pending.requests if one.row.id == request_id)
        groups = {one for one in data.pool if one.startswith(GROUP)}
        if directory.missing(groups):
            return groups
        users = {*directory.users(data.pool), *(one.slack_id for one in data.named)}
        delegated = delegations.active(session, self._context.clock.now())
        delegates = {delegate for absent, delegate in delegated.items() if absent in users}
        return users | delegates | self._decisions.deciders(session, pending)

    def _check(
        self, session: Session, pending: PendingProposal, row: ApprovalRequest, directory: LiveDirectory
    ) -> None:
        if pending.proposal.state != ProposalState.PENDING:
            finish(session, row)
            return
        if self._decisions.void_ineligible(session, pending, directory):
            requests.refresh_messages(session, pending.proposal.id)
        request = next(one for one in pending.requests if one.row.id == row.id)
        if request.waiting:
            self._act(session, pending, request, directory)
        else:
            again(session, row, self._context.clock.now() + CHECK_EVERY)

    def _act(
        self, session: Session, pending: PendingProposal, request: UnsealedRequest, directory: LiveDirectory
    ) -> None:
        now, policy = self._context.clock.now(), self._context.approvals.policy
        row, before = request.row, request.data
        available = self._available(session, pending, request, directory)
        decided = self._decided(session, pending, row)
        chain = policy.chain(row.role)
        availability = ApproverAvailability(available.people, decided, available.zones, before.escalations < len(chain))
        actions = reminders.next_request_actions(row, before, availability, policy, now)
        if actions.expire:
            self._expire(session, pending, request)
            return
        data = reminders.record_actions(before, actions, now)
        if actions.escalate:
            added = chain[data.escalations]
            data = replace(data, pool=(*data.pool, added), escalations=data.escalations + 1)
            row.escalated_at = now
            self._journal(session, row, "approval.escalated", to=added)
        lacking = 0 if actions.escalate else reminders.missing(row.quorum, available.people, decided)
        data = replace(
            data,
            checked=True,
            people=available.people,
            zones=available.zones,
            problem=_problem(available.ineligible, lacking),
        )
        row.expires_at = actions.expires_at
        self._send_messages(session, pending, request, data, actions, directory)
        row.sealed = data.seal(self._context.vault, pending.case, row.id)
        change = delegations.next_change(session, frozenset(one.slack_id for one in available.people), now)
        again(session, row, min(filter(None, (actions.next_at, change)), default=now))
        changed = (before.people, before.problem) != (data.people, data.problem)
        if actions.ask or actions.remind or actions.escalate or changed:
            requests.refresh_messages(session, pending.proposal.id)
            self._context.show_case(session, pending.case.id)

    def _available(
        self, session: Session, pending: PendingProposal, request: UnsealedRequest, directory: LiveDirectory
    ) -> AvailableApprovers:
        """Return who can decide now. A pool leaves out approvers named by other requests: nobody decides two parts."""
        elsewhere = [one for other in pending.requests if other.row.id != request.row.id for one in other.data.named]
        pooled = [Successor(user, "", "", user) for user in directory.users(request.data.pool)]
        people: list[Successor] = []
        zones, ineligible = {}, []
        for one in (*request.data.named, *pooled):
            person = completed(one, directory)
            others = (*people, *(() if one in request.data.named else elsewhere))
            if is_leaver(person, pending.data.leaver) or any(same_person(person, other) for other in others):
                continue
            if why := self._eligibility.ineligibility(session, directory, person):
                ineligible.append(f"{person.name or person.email}: {why}")
                continue
            people.append(person)
            member = directory.member(person.slack_id) if person.slack_id else None
            zones[person.key] = member.timezone if member else ""
        return AvailableApprovers(tuple(people), zones, tuple(ineligible))

    def _decided(self, session: Session, pending: PendingProposal, row: ApprovalRequest) -> frozenset[str]:
        """Return the keys of the principals whose decision on a request counts."""
        vault, case = self._context.vault, pending.case
        return frozenset(
            requests.unseal_decision(vault, case, decision).principal.key
            for decision in requests.decisions(session, pending.proposal.id)
            if decision.request_id == row.id and not decision.void
        )

    def _send_messages(
        self,
        session: Session,
        pending: PendingProposal,
        request: UnsealedRequest,
        data: RequestData,
        actions: RequestActions,
        directory: LiveDirectory,
    ) -> None:
        row = request.row
        approvers = frozenset(one.slack_id for one in data.people if one.slack_id)
        delegated = delegations.active(session, self._context.clock.now())
        delegates = {absent: delegate for absent, delegate in delegated.items() if absent in approvers}
        eligible = {one for one in delegates.values() if self._can_be_delegate(pending, one, directory)}
        for user in (*sorted(eligible - approvers), *(one.slack_id for one in actions.ask)):
            self._show_proposal(session, pending, user)
        for one in actions.remind:
            self._show_proposal(session, pending, one.slack_id, f":{data.reminders}")
            if delegates.get(one.slack_id) in eligible:
                self._show_proposal(session, pending, delegates[one.slack_id], f":{data.reminders}")
        if actions.remind:
            row.reminded_at = self._context.clock.now()
            self._journal(session, row, "approval.reminded", times=data.reminders)
        if actions.ask:
            self._journal(session, row, "approval.asked", people=len(actions.ask))
        former = {one.slack_id for one in request.data.approvers if one.slack_id}
        _abandon_messages(session, pending.proposal.id, former - approvers - set(delegates.values()))

    def _can_be_delegate(self, pending: PendingProposal, delegate: str, directory: LiveDirectory) -> bool:
        member = directory.member(delegate)
        if member is None or member.standing:
            return False
        person = Successor("", member.name, member.email, member.id)
        return not is_leaver(person, pending.data.leaver) and not _is_approver(pending, person)

    def _show_proposal(self, session: Session, pending: PendingProposal, user: str, suffix: str = "") -> None:
        """Show the proposal to one person. The case's approver has the first message already."""
        if user and (suffix or user != pending.data.approver.slack_id):
            enqueue(
                session,
                id=f"proposal:{pending.proposal.id}:{user}{suffix}",
                kind=MessageKind.PROPOSAL,
                subject=f"{pending.proposal.id}{AT}{user}",
                case_id=pending.case.id,
                channel=user,
            )

    def _expire(self, session: Session, pending: PendingProposal, request: UnsealedRequest) -> None:
        self._journal(session, request.row, "approval.expired")
        requests.settle(session, request.row, RequestState.EXPIRED, self._context.clock.now())
        self._decisions.settle(session, pending, HANDOVER, ProposalState.EXPIRED)
        self._decisions.release_lines(session, pending, AssignmentState.DECLINED)

    def _put_off(self, read: ApprovalRequest, why: str) -> None:
        """Retry soon. Without an answer of the directory, nobody is taken for present or gone."""
        log.warning("request %s: %s", read.id, why)
        with self._context.store.write() as session:
            row = session.get_one(ApprovalRequest, read.id, with_for_update=True)
            if (row.state, row.attempt) == (read.state, read.attempt):
                again(session, row, self._context.clock.now() + RETRY_AFTER)

    def _journal(self, session: Session, row: ApprovalRequest, action: str, **data: object) -> None:
        self._context.journal.write(
            session,
            actor=HANDOVER,
            action=action,
            case_id=row.case_id,
            sealed=row.sealed,
            data={"proposal": row.proposal_id, "request": row.id, **data},
        )


def _is_approver(pending: PendingProposal, person: Successor) -> bool:
    return any(same_person(person, one) for request in pending.requests for one in request.data.approvers)


def _problem(ineligible: Sequence[str], lacking: int) -> str:
    more = _("{count} more who may decide are needed: name them in the configuration").format(count=lacking)
    return "; ".join([*ineligible, *([more] if lacking else [])])


def _abandon_messages(session: Session, proposal_id: str, users: set[str]) -> None:
    """Give up undelivered messages to people who cannot decide any more: Slack would refuse them forever."""
    for message in requests.messages(session, proposal_id):
        if not message.ts and message.channel in users:
            message.shown_version = message.wanted_version
            session.add(message)
