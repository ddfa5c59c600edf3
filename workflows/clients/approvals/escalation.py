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
from workflows.clients.approval_policy import MANAGER, is_leaver, same
from workflows.clients.approvals import delegations, reminders, requests
from workflows.clients.approvals.decisions import Ballots
from workflows.clients.approvals.directory import Live, Unseen
from workflows.clients.approvals.eligibility import Table
from workflows.clients.approvals.reminders import SOON, Present, Turn
from workflows.clients.approvals.requests import AT, Asked, Chair
from workflows.clients.context import Desk
from workflows.people import Actor, Successor
from workflows.refusals import Code, Refused
from workflows.storage.journal import HANDOVER
from workflows.storage.outbox import want
from workflows.storage.rows.clients import ApprovalRequest, AssignmentState, Decision, ProposalState, RequestState
from workflows.storage.rows.outbox import PostKind
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again, finish


class Appointing:
    """Adds a person to those who may decide one part of a proposal."""

    def __init__(self, desk: Desk, ballots: Ballots) -> None:
        self._desk = desk
        self._ballots = ballots

    def appoint(self, proposal_id: str, user: str, by: Actor, role: str = MANAGER) -> None:
        """Ask the Slack user `user` as well; the clock tells them. Whether `by` may is the caller's to check.

        Raises `Refused`: UNKNOWN_PROPOSAL, ALREADY_SETTLED, BAD_DELEGATE (with why), NOT_CHECKED.
        """
        live = Live(self._desk.approvals.members)
        live.look(user)
        while True:
            try:
                with self._desk.store.write() as session:
                    self._add(session, self._ballots.table(session, proposal_id), user, by, role, live)
            except Unseen as unseen:
                live.look(unseen.id)
            else:
                return

    def _add(self, session: Session, table: Table, user: str, by: Actor, role: str, live: Live) -> None:
        chair = self._open(table, role)
        member = live.member(user)
        one = Successor("", member.name if member else user, member.email if member else "", user)
        if why := self._against(session, table, chair, one, live):
            raise Refused(Code.BAD_DELEGATE, why=why)
        row = chair.row
        row.sealed = replace(chair.asked, pool=(*chair.asked.pool, user)).seal(self._desk.vault, table.case, row.id)
        requests.look_now(session, row, self._desk.clock.now())
        self._desk.journal.write(
            session,
            actor=by,
            action="approval.appointed",
            case_id=table.case.id,
            sealed=row.sealed,
            data={"proposal": table.proposal.id, "request": row.id, "who": user},
        )

    def _open(self, table: Table, role: str) -> Chair:
        found = next((chair for chair in table.chairs if chair.row.role == role and chair.waiting), None)
        if table.proposal.state != ProposalState.PENDING or found is None:
            raise Refused(
                Code.ALREADY_SETTLED,
                by=table.proposal.settled_by,
                case=table.case.id,
                at=table.proposal.settled_at.isoformat() if table.proposal.settled_at else "",
            )
        return found

    def _against(self, session: Session, table: Table, chair: Chair, one: Successor, live: Live) -> str:
        if chair.asked.share:
            return _("a colleague's own share is theirs alone to take; change the split instead")
        if is_leaver(one, table.data.leaver):
            return _("that person is leaving")
        wanted = [other for chair in table.chairs for other in chair.asked.wanted]
        if any(same(one, other) for other in wanted):
            return _("that person is asked to decide in case {case} already").format(case=table.case.id)
        return self._ballots.standing(session, live, one)


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """Who the directory says is behind a request."""

    people: tuple[Successor, ...]
    zones: dict[str, str]
    gone: tuple[str, ...]
    """Names of those who were wanted and cannot decide, each with why."""


class Asking:
    """Looks at requests when they are due."""

    def __init__(self, desk: Desk, ballots: Ballots) -> None:
        self._desk = desk
        self._ballots = ballots

    def run(self, request_id: str) -> None:
        """Ask, remind, escalate or expire. A row that is not due is left alone: a doubled call does nothing."""
        with self._desk.store.read() as session:
            row = session.get_one(ApprovalRequest, request_id)
        if row.state != WorkState.DUE or row.due_at > self._desk.clock.now():
            return
        live = Live(self._desk.approvals.members)
        while True:
            try:
                self._attempt(row, live)
            except Unseen as unseen:
                try:
                    live.look(unseen.id)
                except Refused as refused:
                    self._put_off(row, refused.facts.get("why", ""))
                    return
            else:
                return

    def _attempt(self, seen: ApprovalRequest, live: Live) -> None:
        with self._desk.store.write() as session:
            row = session.get_one(ApprovalRequest, seen.id, with_for_update=True)
            if (row.state, row.attempt) != (seen.state, seen.attempt):
                return
            table = self._ballots.table(session, row.proposal_id)
            if table.proposal.state != ProposalState.PENDING:
                finish(session, row)
                return
            if self._ballots.void(session, table, live):
                requests.redraw(session, table.proposal.id)
            chair = next(one for one in self._ballots.table(session, row.proposal_id).chairs if one.row.id == row.id)
            if chair.waiting:
                self._take(session, table, chair, live)
            else:
                again(session, row, self._desk.clock.now() + reminders.LOOK)

    def _take(self, session: Session, table: Table, chair: Chair, live: Live) -> None:
        now, rules = self._desk.clock.now(), self._desk.approvals.policy
        row, asked = chair.row, chair.asked
        seen = self._seen(session, table, chair, live)
        answered = frozenset(key for one in self._words(session, row) for key in self._keys(table, one))
        chain = rules.chain(row.role)
        there = Present(seen.people, answered, seen.zones, asked.chain < len(chain))
        step = reminders.turn(row, asked, there, rules, now)
        if step.expire:
            self._expire(session, table, chair)
            return
        before, asked = asked, reminders.told(asked, step, now)
        if step.escalate:
            asked = replace(asked, pool=(*asked.pool, chain[asked.chain]), chain=asked.chain + 1)
            row.escalated_at = now
            self._say(session, row, "approval.escalated", to=chain[asked.chain - 1])
        lacking = reminders.missing(row.need, seen.people, answered) if not step.escalate else 0
        asked = replace(asked, looked=True, people=seen.people, zones=seen.zones, trouble=_trouble(seen, lacking))
        row.expires_at = step.expires_at
        self._tell(session, table, chair, asked, step, live)
        row.sealed = asked.seal(self._desk.vault, table.case, row.id)
        changes = [step.next_at or now, *self._delegations(session, seen.people, now)]
        again(session, row, min(changes))
        if step.ask or step.remind or step.escalate or (before.people, before.trouble) != (asked.people, asked.trouble):
            requests.redraw(session, table.proposal.id)
            self._desk.show_case(session, table.case.id)

    def _seen(self, session: Session, table: Table, chair: Chair, live: Live) -> Seen:
        """Return who can decide now. A pool leaves out who is asked by name elsewhere: nobody decides two parts."""
        named = [one for other in table.chairs if other.row.id != chair.row.id for one in other.asked.named]
        people: list[Successor] = []
        zones, gone = {}, []
        for one in (*chair.asked.named, *self._pool(chair.asked, live)):
            known, zone = self._known(one, live)
            if is_leaver(known, table.data.leaver):
                continue
            pooled = one not in chair.asked.named
            if any(same(known, other) for other in (*people, *(named if pooled else ()))):
                continue
            if why := self._ballots.standing(session, live, known):
                gone.append(f"{known.name or known.email}: {why}")
                continue
            people.append(known)
            zones[known.key] = zone
        return Seen(tuple(people), zones, tuple(gone))

    def _pool(self, asked: Asked, live: Live) -> list[Successor]:
        return [Successor(user, "", "", user) for user in (live.ids(asked.pool) if asked.pool else ())]

    def _known(self, one: Successor, live: Live) -> tuple[Successor, str]:
        member = live.member(one.slack_id) if one.slack_id else None
        if member is None:
            return one, ""
        email = one.email or member.email
        key = one.key if one.email else email.casefold() or member.id
        return Successor(key, one.name or member.name, email, one.slack_id), member.timezone

    def _words(self, session: Session, row: ApprovalRequest) -> Sequence[Decision]:
        return session.exec(select(Decision).where(Decision.request_id == row.id, col(Decision.void) == "")).all()

    def _keys(self, table: Table, row: Decision) -> tuple[str, ...]:
        word = requests.word(self._desk.vault, table.case, row)
        return (word.whose.key,) if word else ()

    def _tell(self, session: Session, table: Table, chair: Chair, asked: Asked, step: Turn, live: Live) -> None:
        row = chair.row
        wanted = frozenset(one.slack_id for one in asked.people if one.slack_id)
        away = {one: to for one, to in delegations.active(session, self._desk.clock.now()).items() if one in wanted}
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
            row.reminded_at = self._desk.clock.now()
            self._say(session, row, "approval.reminded", times=asked.times)
        if step.ask:
            self._say(session, row, "approval.asked", people=len(step.ask))
        _silence(session, table.proposal.id, {*wanted, *away.values()}, chair.asked)

    def _may_stand(self, table: Table, delegate: str, live: Live) -> bool:
        member = live.member(delegate)
        if member is None or member.standing:
            return False
        one = Successor("", member.name, member.email, member.id)
        wanted = [known for chair in table.chairs for known in chair.asked.wanted]
        return not is_leaver(one, table.data.leaver) and not any(same(one, other) for other in wanted)

    def _want(self, session: Session, table: Table, user: str, which: str) -> None:
        """Show the proposal to one person; the case's approver has the first message from the beginning."""
        first = user == table.data.approver.slack_id and not which
        number = table.proposal.id
        if user and not first:
            want(
                session,
                id=f"proposal:{number}:{user}{which}",
                kind=PostKind.PROPOSAL,
                subject=f"{number}{AT}{user}",
                case_id=table.case.id,
                channel=user,
            )

    def _delegations(self, session: Session, people: Sequence[Successor], now: datetime) -> list[datetime]:
        at = delegations.next_change(session, frozenset(one.slack_id for one in people), now)
        return [at] if at else []

    def _expire(self, session: Session, table: Table, chair: Chair) -> None:
        self._say(session, chair.row, "approval.expired")
        requests.settle(session, chair.row, RequestState.EXPIRED, self._desk.clock.now())
        self._ballots.settle(session, table, HANDOVER, ProposalState.EXPIRED, "")
        self._ballots.end(session, table, AssignmentState.DECLINED)

    def _put_off(self, seen: ApprovalRequest, why: str) -> None:
        """Look again soon: the directory does not answer, and nobody is taken for there or gone by guessing."""
        log.warning("request %s: %s", seen.id, why)
        with self._desk.store.write() as session:
            row = session.get_one(ApprovalRequest, seen.id, with_for_update=True)
            if (row.state, row.attempt) == (seen.state, seen.attempt):
                again(session, row, self._desk.clock.now() + SOON)

    def _say(self, session: Session, row: ApprovalRequest, action: str, **data: object) -> None:
        self._desk.journal.write(
            session,
            actor=HANDOVER,
            action=action,
            case_id=row.case_id,
            sealed=row.sealed,
            data={"proposal": row.proposal_id, "request": row.id, **data},
        )


def _trouble(seen: Seen, lacking: int) -> str:
    said = list(seen.gone)
    if lacking:
        said.append(_("{count} more who may decide are needed: name them in the configuration").format(count=lacking))
    return "; ".join(said)


def _silence(session: Session, proposal_id: str, there: set[str], asked: Asked) -> None:
    """Give up on messages that never reached somebody who cannot decide any more: Slack would refuse them for ever."""
    gone = {one.slack_id for one in asked.wanted if one.slack_id} - there
    for post in requests.posts(session, proposal_id):
        if not post.ts and post.channel in gone:
            post.shown = post.wanted
            session.add(post)
