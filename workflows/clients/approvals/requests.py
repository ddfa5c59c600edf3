"""Approval requests, decisions and delegations as rows: created, sealed, read and settled."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from workflows.clients.approval_policy import ApprovalRole, ProposalSummary, required
from workflows.clients.context import ClientContext
from workflows.clients.split.sealed import ProposalData, ShareTotals, load
from workflows.context import Context
from workflows.people import Actor, Successor
from workflows.storage.case import is_of, read_case
from workflows.storage.outbox import request_update
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import ApprovalRequest, Decision, Delegation, Proposal, ProposalState, RequestState
from workflows.storage.rows.outbox import AT, MessageKind, OutboxMessage
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import Vault
from workflows.storage.work import again
from workflows.tampering import acts, last


@dataclass(frozen=True, slots=True)
class RequestData:
    """The sealed part of an approval request."""

    named: tuple[Successor, ...] = ()
    """Approvers by name."""
    pool: tuple[str, ...] = ()
    """Ids of users and groups of whom a quorum must decide, with those that the request was escalated to."""
    share: str = ""
    """Key of the successor whose share this is about; empty: the whole proposal."""
    people: tuple[Successor, ...] = ()
    """Available approvers, as of the last check."""
    checked: bool = False
    """True once availability was checked."""
    asked_at: Mapping[str, str] = field(default_factory=dict)
    """Time of the first message to each approver, ISO, by key."""
    reminded_at: Mapping[str, str] = field(default_factory=dict)
    """Time of the last reminder to each approver, ISO, by key."""
    zones: Mapping[str, str] = field(default_factory=dict)
    reminders: int = 0
    """Number of rounds of reminders."""
    escalations: int = 0
    """Number of entries of the escalation list that were added to the pool."""
    problem: str = ""

    def seal(self, vault: Vault, case: Case, request_id: str) -> bytes:
        """Encrypt for the request's row."""
        return vault.seal(case.wrapped_key, asdict(self), f"approval:{request_id}")

    @property
    def approvers(self) -> tuple[Successor, ...]:
        """The available approvers; before the first check, the named ones."""
        return self.people if self.checked else self.named


@dataclass(frozen=True, slots=True)
class UnsealedRequest:
    """An approval request with its sealed part."""

    row: ApprovalRequest
    data: RequestData

    @property
    def waiting(self) -> bool:
        """True until the request is settled."""
        return self.row.result == RequestState.WAITING


@dataclass(frozen=True, slots=True)
class DecisionData:
    """The sealed part of a decision. `principal`: whose decision it is, where it was delegated."""

    person: Successor
    principal: Successor
    reason: str = ""
    by: Actor | None = None
    """Author of the decision: at the terminal, the person who recorded it."""


def summary(proposal_data: ProposalData) -> ProposalSummary:
    """Return the part of a proposal that the approval policy depends on."""
    whole, receivers = ShareTotals(), []
    for key in sorted({key for by_key in proposal_data.shares.values() for key in by_key}):
        total = proposal_data.total(key)
        whole = whole.plus(total)
        receivers += [key] if total.records else []
    tiers = frozenset(tier for tiers in proposal_data.sensitivities.values() for tier in tiers)
    return ProposalSummary(whole.families, whole.value, tuple(receivers), tiers)


def create_requests(
    context: ClientContext, session: Session, case: Case, proposal: Proposal, proposal_data: ProposalData
) -> dict[str, int]:
    """Create the requests that the policy requires for a proposal, all due at once; return their quorums by id."""
    quorums = {}
    _, data = read_case(session, context.vault, case.id)
    now = context.clock.now()
    for need in required(summary(proposal_data), context.policy, data.leaver, data.approver, data.successors):
        role = f"{need.role}-{context.vault.blind(need.share)[:12]}" if need.share else need.role
        row = ApprovalRequest(
            id=f"{proposal.id}#{role}",
            proposal_id=proposal.id,
            case_id=case.id,
            role=role,
            quorum=need.quorum,
            due_at=now,
            asked_at=now,
        )
        row.sealed = RequestData(need.people, need.pool, need.share).seal(context.vault, case, row.id)
        session.add(row)
        quorums[row.id] = need.quorum
    session.flush()
    return quorums


def approval_requests(vault: Vault, session: Session, case: Case, proposal_id: str) -> list[UnsealedRequest]:
    """Return the requests of a proposal: the manager's first, those of receivers last."""
    rows = session.exec(
        select(ApprovalRequest).where(ApprovalRequest.proposal_id == proposal_id).order_by(col(ApprovalRequest.id))
    ).all()
    found = [UnsealedRequest(row, unseal(vault, case, row)) for row in rows]
    return sorted(found, key=lambda request: (request.row.role != ApprovalRole.MANAGER, bool(request.data.share)))


def unseal(vault: Vault, case: Case, row: ApprovalRequest) -> RequestData:
    """Decrypt the sealed part of a request."""
    return load(RequestData, vault.open(case.wrapped_key, row.sealed, f"approval:{row.id}"))


def decisions(session: Session, proposal_id: str) -> list[Decision]:
    """Return every decision on a proposal, the oldest first, void ones too."""
    return list(
        session.exec(select(Decision).where(Decision.proposal_id == proposal_id).order_by(col(Decision.id))).all()
    )


def valid_decisions(session: Session, proposal_id: str) -> list[Decision]:
    """Return the decisions on a proposal that count, the oldest first."""
    return [row for row in decisions(session, proposal_id) if not row.void]


def seal_decision(vault: Vault, case: Case, proposal_id: str, decided_by: str, data: DecisionData) -> bytes:
    """Encrypt the sealed part of a decision."""
    return vault.seal(case.wrapped_key, asdict(data), f"decision:{proposal_id}:{decided_by}")


def unseal_decision(vault: Vault, case: Case, row: Decision) -> DecisionData:
    """Decrypt the sealed part of a decision."""
    plain = vault.open(case.wrapped_key, row.sealed, f"decision:{row.proposal_id}:{row.decided_by}")
    return load(DecisionData, plain)


def person_key(vault: Vault, person: Successor) -> str:
    """Return a keyed hash, the same for all accounts with one address."""
    return vault.blind(f"mail:{person.email.casefold()}" if person.email else f"slack:{person.slack_id}")


def has_left(vault: Vault, session: Session, person: Successor) -> bool:
    """Return whether a case has locked this person out."""
    left = select(Case.id).where(
        is_of(vault, [person.email], person.slack_id), col(Case.state).in_((CaseState.RUNNING, CaseState.WATCHED))
    )
    return session.exec(left.limit(1)).first() is not None


def settle(session: Session, row: ApprovalRequest, result: RequestState, now: datetime) -> None:
    """Settle one request. Only an approved one is still checked, until its proposal is settled."""
    row.result, row.settled_at = result, now
    if result != RequestState.APPROVED:
        row.state = WorkState.DONE
    session.add(row)


def make_due_now(session: Session, row: ApprovalRequest, now: datetime) -> None:
    """Make a request due at once, unless its checks have ended."""
    if row.state != WorkState.DONE:
        again(session, row, now)


def close_all(session: Session, proposal: Proposal, result: RequestState, now: datetime) -> None:
    """Settle the waiting requests of a settled proposal, and end the checks of all."""
    for row in session.exec(select(ApprovalRequest).where(ApprovalRequest.proposal_id == proposal.id)).all():
        if row.result == RequestState.WAITING:
            settle(session, row, result, now)
        row.state = WorkState.DONE
        session.add(row)


def messages(session: Session, proposal_id: str) -> Sequence[OutboxMessage]:
    """Return the messages that show a proposal to its approvers."""
    return session.exec(
        select(OutboxMessage).where(
            OutboxMessage.kind == MessageKind.PROPOSAL,
            sa.or_(
                col(OutboxMessage.subject) == proposal_id,
                col(OutboxMessage.subject).startswith(proposal_id + AT, autoescape=True),
            ),
        )
    ).all()


def refresh_messages(session: Session, proposal_id: str) -> None:
    """Update the messages that show a proposal, except those abandoned before they were delivered."""
    session.flush()
    for message in messages(session, proposal_id):
        if message.ts or message.shown_version < message.wanted_version:
            request_update(session, message.id)


def refresh_pending(session: Session, case_id: str) -> None:
    """Update the messages of a case's pending proposals."""
    pending = select(Proposal.id).where(Proposal.case_id == case_id, Proposal.state == ProposalState.PENDING)
    for proposal_id in session.exec(pending).all():
        refresh_messages(session, proposal_id)


def names(people: Sequence[Successor]) -> str:
    """Return the names of people, separated by commas."""
    return ", ".join(dict.fromkeys(person.name or person.email or person.slack_id for person in people))


def active_delegates(context: ClientContext, session: Session) -> dict[str, Successor]:
    """Return the delegates at this moment, by the principal's id. A row that nobody made by the bot gives no right."""
    now, vault = context.clock.now(), context.vault
    rows = session.exec(select(Delegation).where(not_ended(), Delegation.since <= now, Delegation.until > now)).all()
    return {
        row.from_id: Successor(**vault.open(row.wrapped_key, row.sealed, f"delegation:{row.id}")["delegate"])
        for row in rows
        if is_genuine(context, session, row)
    }


def delegation_facts(row: Delegation) -> dict[str, str]:
    """Return what the journal keeps about a delegation."""
    return {
        "delegation": row.id,
        "from": row.from_id,
        "to": row.to_id,
        "since": row.since.astimezone(UTC).isoformat(),
        "until": row.until.astimezone(UTC).isoformat(),
    }


def is_genuine(context: Context, session: Session, row: Delegation) -> bool:
    """Return whether the newest act on a delegation made it, exactly as its row is. Another one is a finding."""
    own = [
        act for act in acts(context, session, "", "delegation.%", strict=False) if act.data.get("delegation") == row.id
    ]
    newest = last(own, "delegation.made", "delegation.ended")
    return (
        newest is not None
        and newest.action == "delegation.made"
        and delegation_facts(row).items() <= newest.data.items()
    )


def next_delegation_change(session: Session, users: frozenset[str], now: datetime) -> datetime | None:
    """Return when the next delegation of these people begins or ends."""
    rows = session.exec(
        select(Delegation).where(not_ended(), Delegation.until > now, col(Delegation.from_id).in_(users))
    ).all()
    return min((row.since if row.since > now else row.until for row in rows), default=None)


def forged_delegations(context: Context, session: Session) -> list[str]:
    """Return the delegations in force that nobody made by the bot."""
    rows = session.exec(select(Delegation).where(not_ended(), Delegation.until > context.clock.now())).all()
    return [row.id for row in rows if not is_genuine(context, session, row)]


def not_ended() -> sa.ColumnElement[bool]:
    """Return the condition that a delegation was not ended early."""
    return col(Delegation.ended_at).is_(None)
