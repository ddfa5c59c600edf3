"""Approval requests over time: approvers are asked, reminded, escalated to others, and a request expires in the end.

One `ApprovalRequest` row is one piece of work. Members are fetched first. Then one transaction acts, if the row is
still as it was read. No answer never means yes: an expired request moves nothing.
"""

import logging
from dataclasses import replace
from functools import partial

from sqlmodel import Session

from config.text import _
from workflows.authorization import Right
from workflows.clients.approval_policy import ApprovalRole, is_leaver, same_person
from workflows.clients.approvals import reminders, requests
from workflows.clients.approvals.decisions import DecisionRegister
from workflows.clients.approvals.eligibility import GROUP, Eligibility, LiveDirectory, PendingProposal, completed
from workflows.clients.approvals.reminders import CHECK_EVERY, RETRY_AFTER, ApproverAvailability, RequestActions
from workflows.clients.approvals.requests import RequestData, UnsealedRequest
from workflows.clients.context import ClientContext, refresh_problems, tell_nobody_asked
from workflows.people import Actor, Successor
from workflows.refusals import Code, Refused
from workflows.storage.journal import HANDOVER, Personal
from workflows.storage.outbox import enqueue
from workflows.storage.rows.clients import ApprovalRequest, AssignmentState, ProposalState, RequestState
from workflows.storage.rows.outbox import AT, MessageKind
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
        by = self._context.authorization.require(Right.APPOINT, by, self._eligibility.case_of(proposal_id))
        directory = LiveDirectory(self._context.members)
        with (
            self._context.refusals_journalled(proposal_id, by),
            self._eligibility.transaction(directory, proposal_id, lambda _session, _pending: [user]) as (
                session,
                pending,
            ),
        ):
            proposal = pending.proposal
            request = next(
                (request for request in pending.requests if request.row.role == role and request.waiting), None
            )
            if proposal.state != ProposalState.PENDING or request is None:
                settled_at = proposal.settled_at.isoformat() if proposal.settled_at else ""
                raise Refused(Code.ALREADY_SETTLED, by=proposal.settled_by, case=pending.case.id, at=settled_at)
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
                data={"proposal": proposal.id, "request": row.id, "who": Personal(user)},
            )

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
        directory = LiveDirectory(self._context.members)
        needed = partial(self._needed_members, request_id=request_id, directory=directory)
        try:
            with self._eligibility.transaction(directory, read.proposal_id, needed) as (session, pending):
                row = session.get_one(ApprovalRequest, request_id, with_for_update=True)
                if (row.state, row.attempt) == (read.state, read.attempt):
                    self._check(session, pending, row, directory)
        except Refused as refused:
            if refused.code != Code.NOT_CHECKED:
                raise
            log.warning("request %s: %s", request_id, refused.facts.get("why", ""))
            with self._context.store.write() as session:  # without an answer, nobody is taken for present or gone
                row = session.get_one(ApprovalRequest, request_id, with_for_update=True)
                if (row.state, row.attempt) == (read.state, read.attempt):
                    again(session, row, self._context.clock.now() + RETRY_AFTER)

    def _needed_members(
        self, session: Session, pending: PendingProposal, request_id: str, directory: LiveDirectory
    ) -> set[str]:
        """Return the members that a check reads; the groups of the pool alone, until their members are known."""
        if pending.proposal.state != ProposalState.PENDING:
            return set()
        data = next(request.data for request in pending.requests if request.row.id == request_id)
        groups = {entry for entry in data.pool if entry.startswith(GROUP)}
        if directory.missing(groups):
            return groups
        users = {*directory.users(data.pool), *(person.slack_id for person in data.named)}
        delegated = requests.active_delegates(self._context, session)
        delegates = {delegate.slack_id for absent, delegate in delegated.items() if absent in users}
        return users | delegates | self._decisions.deciders(session, pending)

    def _check(
        self, session: Session, pending: PendingProposal, row: ApprovalRequest, directory: LiveDirectory
    ) -> None:
        if pending.proposal.state != ProposalState.PENDING:
            finish(session, row)
            return
        if self._decisions.void_ineligible(session, pending, directory):
            requests.refresh_messages(session, pending.proposal.id)
        request = next(request for request in pending.requests if request.row.id == row.id)
        if request.waiting:
            self._act(session, pending, request, directory)
        else:
            again(session, row, self._context.clock.now() + CHECK_EVERY)

    def _act(
        self, session: Session, pending: PendingProposal, request: UnsealedRequest, directory: LiveDirectory
    ) -> None:
        now, policy, row, before = self._context.clock.now(), self._context.policy, request.row, request.data
        available = self._available(session, pending, request, directory)
        actions = reminders.next_request_actions(row, before, available, policy, now)
        if actions.expire:
            self._journal(session, row, "approval.expired")
            requests.settle(session, row, RequestState.EXPIRED, now)
            self._decisions.settle(session, pending, HANDOVER, ProposalState.EXPIRED)
            self._decisions.release_lines(session, pending, AssignmentState.DECLINED)
            return
        data = reminders.record_actions(before, actions, now)
        if actions.escalate:
            added = policy.chain(row.role)[data.escalations]
            data = replace(data, pool=(*data.pool, added), escalations=data.escalations + 1)
            row.escalated_at = now
            self._journal(session, row, "approval.escalated", to=added)
        problems = list(available.ineligible)
        if not actions.escalate and (lacking := available.lacking(row.quorum)):
            lack = _("{count} more who may decide are needed: name them in the configuration")
            problems.append(lack.format(count=lacking))
        data = replace(data, checked=True, people=available.people, zones=available.zones, problem="; ".join(problems))
        if data.problem and not (data.people or actions.escalate):
            tell_nobody_asked(self._context, session, row.id, pending.case.id, pending.data)
        row.expires_at = actions.expires_at
        self._send_messages(session, pending, request, data, actions, directory)
        row.sealed = data.seal(self._context.vault, pending.case, row.id)
        change = requests.next_delegation_change(
            session, frozenset(person.slack_id for person in available.people), now
        )
        again(session, row, min(filter(None, (actions.next_at, change)), default=now))
        changed = (before.people, before.problem) != (data.people, data.problem)
        if actions.ask or actions.remind or actions.escalate or changed:
            requests.refresh_messages(session, pending.proposal.id)
            refresh_problems(session, pending.case.id)
            self._context.show_case(session, pending.case.id)

    def _available(
        self, session: Session, pending: PendingProposal, request: UnsealedRequest, directory: LiveDirectory
    ) -> ApproverAvailability:
        """Return the people who can decide now; a pool without those named elsewhere: nobody decides two parts."""
        elsewhere = [
            person for other in pending.requests if other.row.id != request.row.id for person in other.data.named
        ]
        pooled = [Successor(user, "", "", user) for user in directory.users(request.data.pool)]
        people: list[Successor] = []
        zones, ineligible = {}, []
        for approver in (*request.data.named, *pooled):
            person = completed(approver, directory)
            others = (*people, *(() if approver in request.data.named else elsewhere))
            if is_leaver(person, pending.data.leaver) or any(same_person(person, other) for other in others):
                continue
            if why := self._eligibility.ineligibility(session, directory, person):
                ineligible.append(f"{person.name or person.email}: {why}")
                continue
            people.append(person)
            member = directory.member(person.slack_id) if person.slack_id else None
            zones[person.key] = member.timezone if member else ""
        decided = frozenset(
            requests.unseal_decision(self._context.vault, pending.case, decision).principal.key
            for decision in requests.valid_decisions(session, pending.proposal.id)
            if decision.request_id == request.row.id
        )
        return ApproverAvailability(tuple(people), zones, tuple(ineligible), decided)

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
        approvers = frozenset(person.slack_id for person in data.people if person.slack_id)
        delegated = requests.active_delegates(self._context, session)
        delegates = {absent: delegate.slack_id for absent, delegate in delegated.items() if absent in approvers}
        eligible = {delegate for delegate in delegates.values() if self._can_be_delegate(pending, delegate, directory)}
        for user in (*sorted(eligible - approvers), *(approver.slack_id for approver in actions.ask)):
            self._show_proposal(session, pending, user)
        for approver in actions.remind:
            self._show_proposal(session, pending, approver.slack_id, f":{data.reminders}")
            if delegates.get(approver.slack_id) in eligible:
                self._show_proposal(session, pending, delegates[approver.slack_id], f":{data.reminders}")
        if actions.remind:
            row.reminded_at = self._context.clock.now()
            self._journal(session, row, "approval.reminded", times=data.reminders)
        if actions.ask:
            self._journal(session, row, "approval.asked", people=len(actions.ask))
        former = {person.slack_id for person in request.data.approvers if person.slack_id}
        for message in requests.messages(session, pending.proposal.id):
            if not message.ts and message.channel in former - approvers - set(delegates.values()):
                session.delete(message)  # Slack would refuse it forever

    def _can_be_delegate(self, pending: PendingProposal, delegate: str, directory: LiveDirectory) -> bool:
        member = directory.member(delegate)
        person = Successor("", member.name, member.email, member.id) if member and not member.standing else None
        return bool(person and not is_leaver(person, pending.data.leaver) and not _is_approver(pending, person))

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
    approvers = (approver for request in pending.requests for approver in request.data.approvers)
    return any(same_person(person, approver) for approver in approvers)
