"""Asking people to decide: told at once, reminded, escalated where nobody answers or can, and expired in the end.

One `ApprovalRequest` row is one piece of work. The directory is asked first; then one transaction acts, if the row is
still as it was read. Silence is never a yes: what expires moves nothing.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session, col, select

from config.text import _
from workflows.clients.approval_policy import MANAGER, is_leaver, same_person
from workflows.clients.approvals import delegations, reminders, requests
from workflows.clients.approvals.decisions import DecisionService
from workflows.clients.approvals.directory import LiveDirectory, NotLookedUp
from workflows.clients.approvals.eligibility import PendingProposal
from workflows.clients.approvals.reminders import SOON, ApproverAvailability, RequestActions
from workflows.clients.approvals.requests import AT, RequestData, UnsealedRequest
from workflows.clients.context import ClientContext
from workflows.people import Actor, Successor
from workflows.refusals import Code, Refused
from workflows.storage.journal import HANDOVER
from workflows.storage.outbox import enqueue
from workflows.storage.rows.clients import ApprovalRequest, AssignmentState, Decision, ProposalState, RequestState
from workflows.storage.rows.outbox import MessageKind
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again, finish


class ApproverAppointment:
    """Adds a person to those who may decide one part of a proposal."""

    def __init__(self, context: ClientContext, ballots: DecisionService) -> None:
        self._context = context
        self._decision_service = ballots

    def appoint(self, proposal_id: str, user: str, by: Actor, role: str = MANAGER) -> None:
        """Ask the Slack user `user` as well; the clock tells them. Whether `by` may is the caller's to check.

        Raises `Refused`: UNKNOWN_PROPOSAL, ALREADY_SETTLED, BAD_DELEGATE (with why), NOT_CHECKED.
        """
        live = LiveDirectory(self._context.approvals.members)
        live.look(user)
        while True:
            try:
                with self._context.store.write() as session:
                    self._add(session, self._decision_service.load_pending(session, proposal_id), user, by, role, live)
            except NotLookedUp as unseen:
                live.look(unseen.id)
            else:
                return

    def _add(
        self, session: Session, table: PendingProposal, user: str, by: Actor, role: str, live: LiveDirectory
    ) -> None:
        approval_request = self._open(table, role)
        member = live.member(user)
        one = Successor("", member.name if member else user, member.email if member else "", user)
        if why := self._against(session, table, approval_request, one, live):
            raise Refused(Code.BAD_DELEGATE, why=why)
        row = approval_request.row
        row.sealed = replace(approval_request.asked, pool=(*approval_request.asked.pool, user)).seal(
            self._context.vault, table.case, row.id
        )
        requests.make_due_now(session, row, self._context.clock.now())
        self._context.journal.write(
            session,
            actor=by,
            action="approval.appointed",
            case_id=table.case.id,
            sealed=row.sealed,
            data={"proposal": table.proposal.id, "request": row.id, "who": user},
        )

    def _open(self, table: PendingProposal, role: str) -> UnsealedRequest:
        found = next(
            (
                approval_request
                for approval_request in table.approval_requests
                if approval_request.row.role == role and approval_request.waiting
            ),
            None,
        )
        if table.proposal.state != ProposalState.PENDING or found is None:
            raise Refused(
                Code.ALREADY_SETTLED,
                by=table.proposal.settled_by,
                case=table.case.id,
                at=table.proposal.settled_at.isoformat() if table.proposal.settled_at else "",
            )
        return found

    def _against(
        self,
        session: Session,
        table: PendingProposal,
        approval_request: UnsealedRequest,
        one: Successor,
        live: LiveDirectory,
    ) -> str:
        if approval_request.asked.share:
            return _("a colleague's own share is theirs alone to take; change the split instead")
        if is_leaver(one, table.data.leaver):
            return _("that person is leaving")
        wanted = [other for approval_request in table.approval_requests for other in approval_request.asked.approvers]
        if any(same_person(one, other) for other in wanted):
            return _("that person is asked to decide in case {case} already").format(case=table.case.id)
        return self._decision_service.ineligibility(session, live, one)


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AvailableApprovers:
    """Who the directory says is behind a request."""

    people: tuple[Successor, ...]
    zones: dict[str, str]
    gone: tuple[str, ...]
    """Names of those who were wanted and cannot decide, each with why."""


class ApprovalEscalation:
    """Looks at requests when they are due."""

    def __init__(self, context: ClientContext, ballots: DecisionService) -> None:
        self._context = context
        self._decision_service = ballots

    def run(self, request_id: str) -> None:
        """Ask, remind, escalate or expire. A row that is not due is left alone: a doubled call does nothing."""
        with self._context.store.read() as session:
            row = session.get_one(ApprovalRequest, request_id)
        if row.state != WorkState.DUE or row.due_at > self._context.clock.now():
            return
        live = LiveDirectory(self._context.approvals.members)
        while True:
            try:
                self._attempt(row, live)
            except NotLookedUp as unseen:
                try:
                    live.look(unseen.id)
                except Refused as refused:
                    self._put_off(row, refused.facts.get("why", ""))
                    return
            else:
                return

    def _attempt(self, seen: ApprovalRequest, live: LiveDirectory) -> None:
        with self._context.store.write() as session:
            row = session.get_one(ApprovalRequest, seen.id, with_for_update=True)
            if (row.state, row.attempt) != (seen.state, seen.attempt):
                return
            table = self._decision_service.load_pending(session, row.proposal_id)
            if table.proposal.state != ProposalState.PENDING:
                finish(session, row)
                return
            if self._decision_service.void(session, table, live):
                requests.refresh_messages(session, table.proposal.id)
            approval_request = next(
                one
                for one in self._decision_service.load_pending(session, row.proposal_id).approval_requests
                if one.row.id == row.id
            )
            if approval_request.waiting:
                self._take(session, table, approval_request, live)
            else:
                again(session, row, self._context.clock.now() + reminders.LOOK)

    def _take(
        self, session: Session, table: PendingProposal, approval_request: UnsealedRequest, live: LiveDirectory
    ) -> None:
        now, rules = self._context.clock.now(), self._context.approvals.policy
        row, asked = approval_request.row, approval_request.asked
        seen = self._seen(session, table, approval_request, live)
        answered = frozenset(key for one in self._words(session, row) for key in self._keys(table, one))
        chain = rules.chain(row.role)
        there = ApproverAvailability(seen.people, answered, seen.zones, asked.chain < len(chain))
        step = reminders.next_request_actions(row, asked, there, rules, now)
        if step.expire:
            self._expire(session, table, approval_request)
            return
        before, asked = asked, reminders.record_actions(asked, step, now)
        if step.escalate:
            asked = replace(asked, pool=(*asked.pool, chain[asked.chain]), chain=asked.chain + 1)
            row.escalated_at = now
            self._say(session, row, "approval.escalated", to=chain[asked.chain - 1])
        lacking = reminders.missing(row.quorum, seen.people, answered) if not step.escalate else 0
        asked = replace(asked, looked=True, people=seen.people, zones=seen.zones, problem=_trouble(seen, lacking))
        row.expires_at = step.expires_at
        self._tell(session, table, approval_request, asked, step, live)
        row.sealed = asked.seal(self._context.vault, table.case, row.id)
        changes = [step.next_at or now, *self._delegations(session, seen.people, now)]
        again(session, row, min(changes))
        if step.ask or step.remind or step.escalate or (before.people, before.problem) != (asked.people, asked.problem):
            requests.refresh_messages(session, table.proposal.id)
            self._context.show_case(session, table.case.id)

    def _seen(
        self, session: Session, table: PendingProposal, approval_request: UnsealedRequest, live: LiveDirectory
    ) -> AvailableApprovers:
        """Return who can decide now. A pool leaves out who is asked by name elsewhere: nobody decides two parts."""
        named = [
            one
            for other in table.approval_requests
            if other.row.id != approval_request.row.id
            for one in other.asked.named
        ]
        people: list[Successor] = []
        zones, gone = {}, []
        for one in (*approval_request.asked.named, *self._pool(approval_request.asked, live)):
            known, zone = self._known(one, live)
            if is_leaver(known, table.data.leaver):
                continue
            pooled = one not in approval_request.asked.named
            if any(same_person(known, other) for other in (*people, *(named if pooled else ()))):
                continue
            if why := self._decision_service.ineligibility(session, live, known):
                gone.append(f"{known.name or known.email}: {why}")
                continue
            people.append(known)
            zones[known.key] = zone
        return AvailableApprovers(tuple(people), zones, tuple(gone))

    def _pool(self, asked: RequestData, live: LiveDirectory) -> list[Successor]:
        return [Successor(user, "", "", user) for user in (live.ids(asked.pool) if asked.pool else ())]

    def _known(self, one: Successor, live: LiveDirectory) -> tuple[Successor, str]:
        member = live.member(one.slack_id) if one.slack_id else None
        if member is None:
            return one, ""
        email = one.email or member.email
        key = one.key if one.email else email.casefold() or member.id
        return Successor(key, one.name or member.name, email, one.slack_id), member.timezone

    def _words(self, session: Session, row: ApprovalRequest) -> Sequence[Decision]:
        return session.exec(select(Decision).where(Decision.request_id == row.id, col(Decision.void) == "")).all()

    def _keys(self, table: PendingProposal, row: Decision) -> tuple[str, ...]:
        word = requests.unseal_decision(self._context.vault, table.case, row)
        return (word.principal.key,) if word else ()

    def _tell(
        self,
        session: Session,
        table: PendingProposal,
        approval_request: UnsealedRequest,
        asked: RequestData,
        step: RequestActions,
        live: LiveDirectory,
    ) -> None:
        row = approval_request.row
        wanted = frozenset(one.slack_id for one in asked.people if one.slack_id)
        away = {one: to for one, to in delegations.active(session, self._context.clock.now()).items() if one in wanted}
        for delegate in away.values():
            if delegate not in wanted and self._may_stand(table, delegate, live):
                self._want(session, table, delegate, "")
        for one in step.ask:
            self._want(session, table, one.slack_id, "")
        for one in step.remind:
            self._want(session, table, one.slack_id, f":{asked.times}")
            if one.slack_id in away and self._may_stand(table, away[one.slack_id], live):
                self._want(session, table, away[one.slack_id], f":{asked.times}")
        if step.remind:
            row.reminded_at = self._context.clock.now()
            self._say(session, row, "approval.reminded", times=asked.times)
        if step.ask:
            self._say(session, row, "approval.asked", people=len(step.ask))
        _silence(session, table.proposal.id, {*wanted, *away.values()}, approval_request.asked)

    def _may_stand(self, table: PendingProposal, delegate: str, live: LiveDirectory) -> bool:
        member = live.member(delegate)
        if member is None or member.standing:
            return False
        one = Successor("", member.name, member.email, member.id)
        wanted = [known for approval_request in table.approval_requests for known in approval_request.asked.approvers]
        return not is_leaver(one, table.data.leaver) and not any(same_person(one, other) for other in wanted)

    def _want(self, session: Session, table: PendingProposal, user: str, which: str) -> None:
        """Show the proposal to one person; the case's approver has the first message from the beginning."""
        first = user == table.data.approver.slack_id and not which
        number = table.proposal.id
        if user and not first:
            enqueue(
                session,
                id=f"proposal:{number}:{user}{which}",
                kind=MessageKind.PROPOSAL,
                subject=f"{number}{AT}{user}",
                case_id=table.case.id,
                channel=user,
            )

    def _delegations(self, session: Session, people: Sequence[Successor], now: datetime) -> list[datetime]:
        at = delegations.next_change(session, frozenset(one.slack_id for one in people), now)
        return [at] if at else []

    def _expire(self, session: Session, table: PendingProposal, approval_request: UnsealedRequest) -> None:
        self._say(session, approval_request.row, "approval.expired")
        requests.settle(session, approval_request.row, RequestState.EXPIRED, self._context.clock.now())
        self._decision_service.settle(session, table, HANDOVER, ProposalState.EXPIRED, "")
        self._decision_service.end(session, table, AssignmentState.DECLINED)

    def _put_off(self, seen: ApprovalRequest, why: str) -> None:
        """Look again soon: the directory does not answer, and nobody is taken for there or gone by guessing."""
        log.warning("request %s: %s", seen.id, why)
        with self._context.store.write() as session:
            row = session.get_one(ApprovalRequest, seen.id, with_for_update=True)
            if (row.state, row.attempt) == (seen.state, seen.attempt):
                again(session, row, self._context.clock.now() + SOON)

    def _say(self, session: Session, row: ApprovalRequest, action: str, **data: object) -> None:
        self._context.journal.write(
            session,
            actor=HANDOVER,
            action=action,
            case_id=row.case_id,
            sealed=row.sealed,
            data={"proposal": row.proposal_id, "request": row.id, **data},
        )


def _trouble(seen: AvailableApprovers, lacking: int) -> str:
    said = list(seen.gone)
    if lacking:
        said.append(_("{count} more who may decide are needed: name them in the configuration").format(count=lacking))
    return "; ".join(said)


def _silence(session: Session, proposal_id: str, there: set[str], asked: RequestData) -> None:
    """Give up on messages that never reached somebody who cannot decide any more: Slack would refuse them for ever."""
    gone = {one.slack_id for one in asked.approvers if one.slack_id} - there
    for post in requests.posts(session, proposal_id):
        if not post.ts and post.channel in gone:
            post.shown_version = post.wanted_version
            session.add(post)
