"""Deciding for somebody who is away: who stands in for whom, for how long, and on whose word."""

import secrets
from dataclasses import asdict
from datetime import datetime

from sqlmodel import Session, col, select

from config.text import _
from workflows.clients.approval_policy import is_leaver, same_person
from workflows.clients.approvals import requests
from workflows.clients.approvals.directory import LiveDirectory
from workflows.clients.context import ClientContext
from workflows.clients.views import DelegationView
from workflows.people import Actor, Successor
from workflows.ports import WorkspaceMember
from workflows.refusals import Code, Refused
from workflows.storage.case import read_case
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import Delegation, Proposal, ProposalState
from workflows.storage.vault import Vault

OPEN = (CaseState.SCHEDULED, CaseState.RUNNING, CaseState.HELD)
SLACK = "slack:"


class Delegations:
    """Records, ends and lists them."""

    def __init__(self, context: ClientContext) -> None:
        self._context = context

    def make(self, absent: str, delegate: str, since: datetime, until: datetime, by: Actor) -> DelegationView:
        """Let `delegate` decide for `absent` (Slack ids) in a period; at once for what waits.

        Raises `Refused`: BAD_PERIOD, BAD_DELEGATE (with why), NOT_CHECKED.
        """
        if until <= max(since, self._context.clock.now()):
            raise Refused(Code.BAD_PERIOD)
        live = LiveDirectory(self._context.approvals.members)
        live.look(absent, delegate)
        away, stands = _person(live.member(absent)), _person(live.member(delegate))
        with self._context.store.write() as session:
            self._refuse(session, away, stands, since, until)
            row = self._add(session, away, stands, since, until, by)
            self._look_again(session, absent)
            return self._view(row)

    def end(self, delegation_id: str, by: Actor) -> DelegationView:
        """End one before its time; only who is away can from Slack. Raises `Refused(UNKNOWN_DELEGATION)`."""
        with self._context.store.write() as session:
            row = session.get(Delegation, delegation_id, with_for_update=True)
            mine = row is not None and (not by.id.startswith(SLACK) or by.id == SLACK + row.from_id)
            if row is None or not mine or row.ended_at is not None:
                raise Refused(Code.UNKNOWN_DELEGATION)
            row.ended_at, row.ended_by = self._context.clock.now(), by.id
            session.add(row)
            self._journal(session, row, by, "delegation.ended")
            self._look_again(session, row.from_id)
            return self._view(row)

    def present(self, user: str = "") -> list[DelegationView]:
        """Return those that are not over, of one person (either side) or of all, the earliest first."""
        with self._context.store.read() as session:
            rows = session.exec(
                select(Delegation)
                .where(col(Delegation.ended_at).is_(None), Delegation.until > self._context.clock.now())
                .order_by(col(Delegation.since))
            ).all()
            return [self._view(row) for row in rows if not user or user in (row.from_id, row.to_id)]

    def _refuse(self, session: Session, away: Successor, stands: Successor, since: datetime, until: datetime) -> None:
        if same_person(away, stands):
            raise Refused(Code.BAD_DELEGATE, why=_("nobody can stand in for themselves"))
        if any(row.since < until and since < row.until for row in _of(session, away.slack_id)):
            raise Refused(Code.BAD_DELEGATE, why=_("somebody stands in for that time already; end that first"))
        if requests.has_left(self._context.vault, session, stands):
            raise Refused(Code.BAD_DELEGATE, why=_("that person has left"))
        for case in session.exec(select(Case).where(col(Case.state).in_(OPEN))).all():
            data = read_case(session, self._context.vault, case.id)[1]
            if is_leaver(stands, data.leaver):
                raise Refused(Code.BAD_DELEGATE, why=_("that person is leaving"))
        for proposal in session.exec(select(Proposal).where(Proposal.state == ProposalState.PENDING)).all():
            case, data = read_case(session, self._context.vault, proposal.case_id)
            found = requests.approval_requests(self._context.vault, session, case, data, proposal.id)
            wanted = [one for approval_request in found for one in approval_request.asked.approvers]
            if any(same_person(one, away) for one in wanted) and any(same_person(one, stands) for one in wanted):
                why = _("that person is asked to decide in case {case} already").format(case=case.id)
                raise Refused(Code.BAD_DELEGATE, why=why)

    def _add(
        self, session: Session, away: Successor, stands: Successor, since: datetime, until: datetime, by: Actor
    ) -> Delegation:
        number, key = f"D-{secrets.token_hex(4)}", self._context.vault.new_key()
        plain = {"principal": asdict(away), "delegate": asdict(stands)}
        row = Delegation(
            id=number,
            from_id=away.slack_id,
            to_id=stands.slack_id,
            since=since,
            until=until,
            made_by=by.id,
            made_at=self._context.clock.now(),
            wrapped_key=key,
            sealed=self._context.vault.seal(key, plain, f"delegation:{number}"),
        )
        session.add(row)
        self._journal(session, row, by, "delegation.made")
        return row

    def _journal(self, session: Session, row: Delegation, by: Actor, action: str) -> None:
        self._context.journal.write(
            session,
            actor=by,
            action=action,
            sealed=row.sealed,
            data={"delegation": row.id, "from": row.from_id, "to": row.to_id, "since": row.since, "until": row.until},
        )

    def _look_again(self, session: Session, user: str) -> None:
        """Have the clock look now at what waits for this person: the delegate is told."""
        session.flush()
        for proposal in session.exec(select(Proposal).where(Proposal.state == ProposalState.PENDING)).all():
            case, data = read_case(session, self._context.vault, proposal.case_id)
            for approval_request in requests.approval_requests(self._context.vault, session, case, data, proposal.id):
                if approval_request.waiting and any(one.slack_id == user for one in approval_request.asked.approvers):
                    requests.make_due_now(session, approval_request.row, self._context.clock.now())

    def _view(self, row: Delegation) -> DelegationView:
        plain = self._context.vault.open(row.wrapped_key, row.sealed, f"delegation:{row.id}")
        return DelegationView(
            row.id, Successor(**plain["principal"]), Successor(**plain["delegate"]), row.since, row.until
        )


def active(session: Session, now: datetime) -> dict[str, str]:
    """Return who stands in for whom at this moment, by the id of who is away."""
    rows = session.exec(
        select(Delegation).where(col(Delegation.ended_at).is_(None), Delegation.since <= now, Delegation.until > now)
    ).all()
    return {row.from_id: row.to_id for row in rows}


def standing_in(vault: Vault, session: Session, now: datetime) -> dict[str, Successor]:
    """Return who stands in at this moment as a person, by the id of who is away."""
    rows = session.exec(
        select(Delegation).where(col(Delegation.ended_at).is_(None), Delegation.since <= now, Delegation.until > now)
    ).all()
    return {
        row.from_id: Successor(**vault.open(row.wrapped_key, row.sealed, f"delegation:{row.id}")["delegate"])
        for row in rows
    }


def next_change(session: Session, users: frozenset[str], now: datetime) -> datetime | None:
    """Return when the next delegation of these people begins or ends."""
    rows = session.exec(
        select(Delegation).where(
            col(Delegation.ended_at).is_(None), Delegation.until > now, col(Delegation.from_id).in_(users)
        )
    ).all()
    return min((row.since if row.since > now else row.until for row in rows), default=None)


def _of(session: Session, user: str) -> list[Delegation]:
    return list(
        session.exec(select(Delegation).where(Delegation.from_id == user, col(Delegation.ended_at).is_(None))).all()
    )


def _person(member: WorkspaceMember | None) -> Successor:
    if member is None:
        raise Refused(Code.BAD_DELEGATE, why=_("the workspace does not know that person"))
    if member.standing:
        raise Refused(Code.BAD_DELEGATE, why=member.standing)
    return Successor(member.email.casefold() or member.id, member.name, member.email, member.id)
