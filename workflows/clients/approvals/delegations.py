"""Delegations: one person decides for another who is away, for a period."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import _
from workflows.authorization import Right
from workflows.clients.approval_policy import is_leaver, same_person
from workflows.clients.approvals import requests
from workflows.clients.approvals.directory import LiveDirectory
from workflows.clients.approvals.requests import UnsealedRequest
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


class Delegations:
    """Records, ends and lists delegations."""

    def __init__(self, context: ClientContext) -> None:
        self._context = context

    def make(self, absent: str, delegate: str, since: datetime, until: datetime, by: Actor) -> DelegationView:
        """Let `delegate` decide for `absent` (Slack ids) in a period. Pending requests count at once.

        Raises `Refused`: BAD_PERIOD, BAD_DELEGATE (with why), NOT_CHECKED, and by authorization.
        """
        self._context.authorization.require(Right.APPOINT, by, also=[absent])
        if until <= max(since, self._context.clock.now()):
            raise Refused(Code.BAD_PERIOD)
        directory = LiveDirectory(self._context.approvals.members)
        directory.fetch((absent, delegate))
        principal, deputy = _person(directory.member(absent)), _person(directory.member(delegate))
        with self._context.store.write() as session:
            self._refuse(session, principal, deputy, since, until)
            row = self._add(session, principal, deputy, since, until, by)
            self._check_requests(session, absent)
            return self._view(row)

    def end(self, delegation_id: str, by: Actor) -> DelegationView:
        """End a delegation early: the principal, or HR. Raises `Refused`: UNKNOWN_DELEGATION, and by authorization."""
        with self._context.store.read() as session:
            found = session.get(Delegation, delegation_id)
        self._context.authorization.require(Right.APPOINT, by, also=[found.from_id] if found else [])
        with self._context.store.write() as session:
            row = session.get(Delegation, delegation_id, with_for_update=True)
            if row is None or row.ended_at is not None:
                raise Refused(Code.UNKNOWN_DELEGATION)
            row.ended_at, row.ended_by = self._context.clock.now(), by.id
            session.add(row)
            self._journal(session, row, by, "delegation.ended")
            self._check_requests(session, row.from_id)
            return self._view(row)

    def present(self, user: str = "") -> list[DelegationView]:
        """Return the delegations that are not over, of one person (either side) or of all, the earliest first."""
        with self._context.store.read() as session:
            rows = session.exec(
                select(Delegation)
                .where(_not_ended(), Delegation.until > self._context.clock.now())
                .order_by(col(Delegation.since))
            ).all()
            return [self._view(row) for row in rows if not user or user in (row.from_id, row.to_id)]

    def _refuse(
        self, session: Session, principal: Successor, deputy: Successor, since: datetime, until: datetime
    ) -> None:
        if same_person(principal, deputy):
            raise Refused(Code.BAD_DELEGATE, why=_("nobody can stand in for themselves"))
        if any(
            row.since < until and since < row.until
            for row in session.exec(select(Delegation).where(Delegation.from_id == principal.slack_id, _not_ended()))
        ):
            raise Refused(Code.BAD_DELEGATE, why=_("somebody stands in for that time already; end that first"))
        if requests.has_left(self._context.vault, session, deputy):
            raise Refused(Code.BAD_DELEGATE, why=_("that person has left"))
        for case in session.exec(select(Case).where(col(Case.state).in_(OPEN))).all():
            data = read_case(session, self._context.vault, case.id)[1]
            if is_leaver(deputy, data.leaver):
                raise Refused(Code.BAD_DELEGATE, why=_("that person is leaving"))
        for case_id, found in self._pending_requests(session):
            asked = [one for request in found for one in request.data.approvers]
            if all(any(same_person(one, other) for one in asked) for other in (principal, deputy)):
                why = _("that person is asked to decide in case {case} already").format(case=case_id)
                raise Refused(Code.BAD_DELEGATE, why=why)

    def _add(
        self, session: Session, principal: Successor, deputy: Successor, since: datetime, until: datetime, by: Actor
    ) -> Delegation:
        number, key = f"D-{secrets.token_hex(4)}", self._context.vault.new_key()
        plain = {"principal": asdict(principal), "delegate": asdict(deputy)}
        row = Delegation(
            id=number,
            from_id=principal.slack_id,
            to_id=deputy.slack_id,
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

    def _check_requests(self, session: Session, principal: str) -> None:
        """Make the requests that wait for the principal due, so that the delegate is asked."""
        session.flush()
        for _case_id, found in self._pending_requests(session):
            for request in found:
                if request.waiting and any(one.slack_id == principal for one in request.data.approvers):
                    requests.make_due_now(session, request.row, self._context.clock.now())

    def _pending_requests(self, session: Session) -> Iterator[tuple[str, list[UnsealedRequest]]]:
        """Yield the requests of each pending proposal, with the id of its case."""
        for proposal in session.exec(select(Proposal).where(Proposal.state == ProposalState.PENDING)).all():
            case, _data = read_case(session, self._context.vault, proposal.case_id)
            yield case.id, requests.approval_requests(self._context.vault, session, case, proposal.id)

    def _view(self, row: Delegation) -> DelegationView:
        plain = self._context.vault.open(row.wrapped_key, row.sealed, f"delegation:{row.id}")
        return DelegationView(
            row.id, Successor(**plain["principal"]), Successor(**plain["delegate"]), row.since, row.until
        )


def active(session: Session, now: datetime) -> dict[str, str]:
    """Return the ids of the delegates at this moment, by principal."""
    return {row.from_id: row.to_id for row in _active_rows(session, now)}


def active_delegates(vault: Vault, session: Session, now: datetime) -> dict[str, Successor]:
    """Return the delegates at this moment as people, by the principal's id."""
    return {
        row.from_id: Successor(**vault.open(row.wrapped_key, row.sealed, f"delegation:{row.id}")["delegate"])
        for row in _active_rows(session, now)
    }


def next_change(session: Session, users: frozenset[str], now: datetime) -> datetime | None:
    """Return when the next delegation of these people begins or ends."""
    rows = session.exec(
        select(Delegation).where(_not_ended(), Delegation.until > now, col(Delegation.from_id).in_(users))
    ).all()
    return min((row.since if row.since > now else row.until for row in rows), default=None)


def _active_rows(session: Session, now: datetime) -> Sequence[Delegation]:
    return session.exec(select(Delegation).where(_not_ended(), Delegation.since <= now, Delegation.until > now)).all()


def _not_ended() -> sa.ColumnElement[bool]:
    return col(Delegation.ended_at).is_(None)


def _person(member: WorkspaceMember | None) -> Successor:
    if member is None:
        raise Refused(Code.BAD_DELEGATE, why=_("the workspace does not know that person"))
    if member.standing:
        raise Refused(Code.BAD_DELEGATE, why=member.standing)
    return Successor(member.email.casefold() or member.id, member.name, member.email, member.id)
