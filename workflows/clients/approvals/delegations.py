"""Delegations: one person decides for another who is away, for a period."""

import secrets
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime

from sqlmodel import Session, col, select

from config.text import _
from workflows.authorization import Right
from workflows.clients.approval_policy import is_leaver, same_person
from workflows.clients.approvals import requests
from workflows.clients.approvals.eligibility import LiveDirectory
from workflows.clients.approvals.requests import UnsealedRequest
from workflows.clients.context import ClientContext
from workflows.clients.views import DelegationView
from workflows.people import Actor, Successor
from workflows.ports import WorkspaceMember
from workflows.refusals import Code, Refused
from workflows.storage.case import open_case_data, read_case
from workflows.storage.journal import Personal
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import Delegation, Proposal, ProposalState

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
        directory = LiveDirectory(self._context.members)
        directory.fetch((absent, delegate))
        principal, deputy = _person(directory.member(absent)), _person(directory.member(delegate))
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
        with self._context.store.write() as session:
            self._refuse(session, principal, deputy, since, until)
            return self._keep(session, row, by, "delegation.made")

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
            return self._keep(session, row, by, "delegation.ended")

    def present(self, user: str = "") -> list[DelegationView]:
        """Return the delegations that are not over, of one person (either side) or of all, the earliest first."""
        with self._context.store.read() as session:
            rows = session.exec(
                select(Delegation)
                .where(requests.not_ended(), Delegation.until > self._context.clock.now())
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
            for row in session.exec(
                select(Delegation).where(Delegation.from_id == principal.slack_id, requests.not_ended())
            )
        ):
            raise Refused(Code.BAD_DELEGATE, why=_("somebody stands in for that time already; end that first"))
        if requests.has_left(self._context.vault, session, deputy):
            raise Refused(Code.BAD_DELEGATE, why=_("that person has left"))
        for case in session.exec(select(Case).where(col(Case.state).in_(OPEN))).all():
            if is_leaver(deputy, open_case_data(self._context.vault, case).leaver):
                raise Refused(Code.BAD_DELEGATE, why=_("that person is leaving"))
        for case_id, found in self._pending_requests(session):
            asked = [person for request in found for person in request.data.approvers]
            if all(any(same_person(person, other) for person in asked) for other in (principal, deputy)):
                why = _("that person is asked to decide in case {case} already").format(case=case_id)
                raise Refused(Code.BAD_DELEGATE, why=why)

    def _keep(self, session: Session, row: Delegation, by: Actor, action: str) -> DelegationView:
        """Store and journal a delegation; make the requests that wait for the principal due: the delegate is asked."""
        session.add(row)
        facts = requests.delegation_facts(row)
        people = {name: Personal(facts[name]) for name in ("from", "to")}
        self._context.journal.write(session, actor=by, action=action, sealed=row.sealed, data=facts | people)
        session.flush()
        for _case_id, found in self._pending_requests(session):
            for request in found:
                if request.waiting and any(approver.slack_id == row.from_id for approver in request.data.approvers):
                    requests.make_due_now(session, request.row, self._context.clock.now())
        return self._view(row)

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


def _person(member: WorkspaceMember | None) -> Successor:
    if member is None:
        raise Refused(Code.BAD_DELEGATE, why=_("the workspace does not know that person"))
    if member.standing:
        raise Refused(Code.BAD_DELEGATE, why=member.standing)
    return Successor(member.email.casefold() or member.id, member.name, member.email, member.id)
