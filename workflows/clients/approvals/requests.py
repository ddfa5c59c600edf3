"""Requests for approval as rows: who is wanted, who has decided, and how one is settled."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, or_, select

from workflows.clients.approval_policy import RECEIVER, ProposalSummary, RequiredApproval, required
from workflows.clients.context import ClientContext
from workflows.clients.split.shares import ProposalData, ShareTotals
from workflows.people import Successor
from workflows.storage.case import CaseData, read_case
from workflows.storage.outbox import request_update
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import ApprovalRequest, Decision, Proposal, RequestState
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import Vault
from workflows.storage.work import again

AT = "@"
"""Between a proposal and the person that a post shows it to."""


@dataclass(frozen=True, slots=True)
class RequestData:
    """What a request keeps sealed."""

    named: tuple[Successor, ...] = ()
    """Who must decide, by name."""
    pool: tuple[str, ...] = ()
    """Ids of users and groups of whom enough must decide, those included that it was escalated to."""
    share: str = ""
    """Key of the successor whose share this is about."""
    people: tuple[Successor, ...] = ()
    """Who can decide, as the clock saw it last."""
    looked: bool = False
    """Whether the clock has looked yet."""
    told: Mapping[str, str] = field(default_factory=dict)
    """When each of them was first asked, ISO, by Slack id; an empty id for somebody without Slack."""
    reminded: Mapping[str, str] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)
    times: int = 0
    """How often somebody was reminded."""
    chain: int = 0
    """How many of the escalation list were taken."""
    problem: str = ""

    def seal(self, vault: Vault, case: Case, request_id: str) -> bytes:
        """Encrypt for the request's row."""
        return vault.seal(case.wrapped_key, asdict(self), f"approval:{request_id}")

    @property
    def approvers(self) -> tuple[Successor, ...]:
        """Who can decide: those the clock saw, or before it looked, those named."""
        return self.people if self.looked else self.named


@dataclass(frozen=True, slots=True)
class UnsealedRequest:
    """One request with what it keeps sealed."""

    row: ApprovalRequest
    asked: RequestData

    @property
    def waiting(self) -> bool:
        """Whether it still waits."""
        return self.row.result == RequestState.WAITING


@dataclass(frozen=True, slots=True)
class DecisionData:
    """What a decision keeps sealed: who gave it, whose it is, and the words."""

    person: Successor
    principal: Successor
    reason: str = ""


def summary(sheet: ProposalData) -> ProposalSummary:
    """Return what the policy looks at."""
    keys = {key for by in sheet.shares.values() for key in by}
    totals = {key: sheet.total(key) for key in sorted(keys)}
    whole = ShareTotals()
    for total in totals.values():
        whole = whole.plus(total)
    tiers = frozenset(word for by in sheet.sensitivities.values() for word in by)
    return ProposalSummary(whole.families, whole.value, tuple(key for key, one in totals.items() if one.records), tiers)


def create_requests(
    context: ClientContext, session: Session, case: Case, proposal: Proposal, sheet: ProposalData
) -> None:
    """Write the requests that the policy wants for a proposal; the clock asks people at once."""
    _, data = read_case(session, context.vault, case.id)
    needs = required(summary(sheet), context.approvals.policy, data.leaver, data.approver, data.successors)
    now = context.clock.now()
    for need in needs:
        role = f"{RECEIVER}-{context.vault.blind(need.share)[:12]}" if need.share else need.role
        row = ApprovalRequest(
            id=f"{proposal.id}#{role}",
            proposal_id=proposal.id,
            case_id=case.id,
            role=role,
            quorum=need.quorum,
            due_at=now,
            asked_at=now,
        )
        row.sealed = _asked(need).seal(context.vault, case, row.id)
        session.add(row)
    session.flush()


def approval_requests(
    vault: Vault, session: Session, case: Case, data: CaseData, proposal_id: str
) -> list[UnsealedRequest]:
    """Return the requests of a proposal, the approver's first; a proposal from before there were any has that one."""
    rows = session.exec(
        select(ApprovalRequest).where(ApprovalRequest.proposal_id == proposal_id).order_by(col(ApprovalRequest.id))
    ).all()
    if not rows:
        made = ApprovalRequest(
            id=f"{proposal_id}#manager",
            proposal_id=proposal_id,
            case_id=case.id,
            role="manager",
            due_at=case.opened_at,
            asked_at=case.opened_at,
        )
        return [UnsealedRequest(made, RequestData((data.approver,)))]
    found = [UnsealedRequest(row, unseal(vault, case, data, row)) for row in rows]
    return sorted(
        found,
        key=lambda approval_request: (
            approval_request.row.role != "manager",
            approval_request.row.role.startswith(RECEIVER),
        ),
    )


def unseal(vault: Vault, case: Case, data: CaseData, row: ApprovalRequest) -> RequestData:
    """Decrypt a request; one that was made by an upgrade wants the case's approver."""
    if not row.sealed:
        return RequestData((data.approver,))
    plain: dict[str, Any] = vault.open(case.wrapped_key, row.sealed, f"approval:{row.id}")
    people = {name: tuple(Successor(**one) for one in plain[name]) for name in ("named", "people")}
    return RequestData(**{**plain, **people, "pool": tuple(plain["pool"])})


def decisions(session: Session, proposal_id: str) -> list[Decision]:
    """Return every decision on a proposal, the oldest first, void ones too."""
    return list(
        session.exec(select(Decision).where(Decision.proposal_id == proposal_id).order_by(col(Decision.id))).all()
    )


def seal_decision(vault: Vault, case: Case, proposal_id: str, decided_by: str, word: DecisionData) -> bytes:
    """Encrypt what a decision says of people."""
    return vault.seal(case.wrapped_key, asdict(word), f"decision:{proposal_id}:{decided_by}")


def unseal_decision(vault: Vault, case: Case, row: Decision) -> DecisionData | None:
    """Decrypt it; None for a decision from before such words were kept."""
    if not row.sealed:
        return None
    plain = vault.open(case.wrapped_key, row.sealed, f"decision:{row.proposal_id}:{row.decided_by}")
    return DecisionData(Successor(**plain["person"]), Successor(**plain["principal"]), plain["reason"])


def person_key(vault: Vault, one: Successor) -> str:
    """Return the keyed hash that is one for all accounts of an address."""
    return vault.blind(f"mail:{one.email.casefold()}" if one.email else f"slack:{one.slack_id}")


def has_left(vault: Vault, session: Session, one: Successor) -> bool:
    """Whether a case of our own has locked this person out."""
    key = vault.blind("mail:" + one.email.casefold())
    left = select(Case.id).where(Case.mail_key == key, col(Case.state).in_((CaseState.RUNNING, CaseState.WATCHED)))
    return bool(one.email) and session.exec(left.limit(1)).first() is not None


def settle(session: Session, row: ApprovalRequest, result: RequestState, now: datetime) -> None:
    """Settle one request: it is looked at no more."""
    row.result, row.settled_at = result, now
    if result != RequestState.APPROVED:
        row.state = WorkState.DONE
    session.add(row)


def make_due_now(session: Session, row: ApprovalRequest, now: datetime) -> None:
    """Have the clock look at a request at once."""
    if row.state != WorkState.DONE:
        again(session, row, now)


def close_all(session: Session, proposal: Proposal, result: RequestState, now: datetime) -> None:
    """Settle what still waits, as its proposal is settled, and stop looking at the others."""
    rows = session.exec(select(ApprovalRequest).where(ApprovalRequest.proposal_id == proposal.id)).all()
    for row in rows:
        if row.result == RequestState.WAITING:
            settle(session, row, result, now)
        row.state = WorkState.DONE
        session.add(row)


def posts(session: Session, proposal_id: str) -> Iterator[OutboxMessage]:
    """Return every message that shows a proposal to somebody who decides."""
    yield from session.exec(
        select(OutboxMessage).where(
            OutboxMessage.kind == MessageKind.PROPOSAL,
            or_(
                col(OutboxMessage.subject) == proposal_id,
                col(OutboxMessage.subject).startswith(proposal_id + AT, autoescape=True),
            ),
        )
    ).all()


def refresh_messages(session: Session, proposal_id: str) -> None:
    """Bring every message that shows a proposal up to date."""
    session.flush()
    for post in posts(session, proposal_id):
        if (
            post.ts or post.shown_version < post.wanted_version
        ):  # else it never reached somebody who has gone, and was given up
            request_update(session, post.id)


def names(people: Sequence[Successor]) -> str:
    """Return names in a row."""
    return ", ".join(dict.fromkeys(one.name or one.email or one.slack_id for one in people))


def _asked(need: RequiredApproval) -> RequestData:
    return RequestData(named=need.people, pool=need.pool, share=need.share)
