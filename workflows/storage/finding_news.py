"""New messages about findings: to who opened the case, and to security at once where no audit's message tells it.

What was exported is for security alone. Findings of one run, or of one case within an hour, share a message that is not
sent yet.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from workflows.storage.case import read_case, who_asked
from workflows.storage.outbox import enqueue, request_update
from workflows.storage.rows.outbox import AT, MessageKind, OutboxMessage
from workflows.storage.rows.watch import AuditRun, Finding, FindingKind
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import Vault, WrongKey

SPAN = timedelta(hours=1)
FOR_SECURITY = (FindingKind.EXPORTED,)
"""Kinds that nobody else is told."""
TOLD_ELSEWHERE = (FindingKind.TAMPERED,)
"""Kinds with a message to security of their own."""


def tell_finding(session: Session, vault: Vault, row: Finding, security: str) -> None:
    """Request the messages about a finding that was just opened, in the caller's transaction.

    An audit tells its findings at its end. A message about a message that nobody gets would never end.
    """
    if row.kind == FindingKind.NOT_DELIVERED or session.get(AuditRun, row.seen_by) is not None:
        return
    places = [] if row.kind in TOLD_ELSEWHERE else [security]
    if row.case_id and row.kind not in FOR_SECURITY:
        places.append(_who_asked(session, vault, row.case_id))
    session.flush()
    for place in dict.fromkeys(filter(None, places)):
        if not _waits(session, row, place):
            _request(session, row.id, place, row.case_id or "")


def tell_findings_of(session: Session, vault: Vault, run_id: str) -> None:
    """Request, in the caller's transaction, a message about an audit's new findings to each who opened a case.

    Findings of an audit by hand that never ended, because its process died, are told as well.
    """
    session.flush()
    for told, found in [(run_id, _of_audit(session, run_id)), *_untold(session, run_id)]:
        for place in dict.fromkeys(_who_asked(session, vault, row.case_id or "") for row in found):
            if place and (told == run_id or session.get(OutboxMessage, _message(told, place)) is None):
                _request(session, told, place, "")


def _untold(session: Session, run_id: str) -> Iterator[tuple[str, list[Finding]]]:
    """Yield earlier audits by hand without an end, with their findings that are open now."""
    end = session.get_one(AuditRun, run_id).finished_at
    if end is None:
        return
    died = select(AuditRun.id).where(
        col(AuditRun.finished_at).is_(None), AuditRun.state == WorkState.PLANNED, col(AuditRun.due_at) < end - SPAN
    )
    for died_id in session.exec(died).all():
        yield died_id, [row for row in _of_audit(session, died_id) if row.closed_at is None]


def told_in(session: Session, vault: Vault, told: str, place: str, security: str) -> Sequence[Finding]:
    """Return the findings of the message in a place. `told`: an audit's id, or that of the message's first finding."""
    if session.get(AuditRun, told) is not None:
        found = _of_audit(session, told)
        return [row for row in found if _who_asked(session, vault, row.case_id or "") == place]
    first = session.get(Finding, told)
    if first is None:  # the audit is no longer kept
        return []
    query = select(Finding).where(
        Finding.seen_by == first.seen_by,
        Finding.case_id == first.case_id,
        col(Finding.first_seen) >= first.first_seen,
        col(Finding.first_seen) < first.first_seen + SPAN,
    )
    kept = TOLD_ELSEWHERE if place == security else FOR_SECURITY
    return [row for row in session.exec(query).all() if row.kind not in (*kept, FindingKind.NOT_DELIVERED)]


def show_settled(session: Session, row: Finding) -> None:
    """Update the messages that tell of a finding, in the transaction that closes it."""
    query = select(OutboxMessage).where(
        OutboxMessage.kind == MessageKind.FINDINGS,
        sa.or_(
            sa.and_(col(OutboxMessage.case_id) != "", col(OutboxMessage.case_id) == row.case_id),
            col(OutboxMessage.subject).startswith(row.id + AT, autoescape=True),
            col(OutboxMessage.subject).startswith(row.seen_by + AT, autoescape=True),
        ),
    )
    for post in session.exec(query).all():
        request_update(session, post.id)


def _of_audit(session: Session, run_id: str) -> list[Finding]:
    untold = (*FOR_SECURITY, FindingKind.NOT_DELIVERED)
    query = select(Finding).where(
        Finding.seen_by == run_id, col(Finding.case_id).is_not(None), col(Finding.kind).not_in(untold)
    )
    return list(session.exec(query.order_by(col(Finding.id))))


def _who_asked(session: Session, vault: Vault, case_id: str) -> str:
    """Return who is told of a case's findings; empty where no key opens the case."""
    try:
        return who_asked(session, vault, read_case(session, vault, case_id)[1])
    except WrongKey:
        return ""


def _waits(session: Session, row: Finding, place: str) -> bool:
    """Return whether a message that is not sent yet will tell of this finding."""
    query = select(OutboxMessage.subject).where(
        OutboxMessage.kind == MessageKind.FINDINGS,
        OutboxMessage.case_id == (row.case_id or ""),
        OutboxMessage.channel == place,
        OutboxMessage.shown_version == 0,
        OutboxMessage.claimed_by == "",
    )
    firsts = [session.get(Finding, subject.partition(AT)[0]) for subject in session.exec(query).all()]
    return any(
        first.seen_by == row.seen_by and first.first_seen <= row.first_seen < first.first_seen + SPAN
        for first in firsts
        if first is not None
    )


def _request(session: Session, told: str, place: str, case_id: str) -> None:
    enqueue(
        session,
        id=_message(told, place),
        kind=MessageKind.FINDINGS,
        subject=f"{told}{AT}{place}",
        case_id=case_id,
        channel=place,
    )


def _message(told: str, place: str) -> str:
    return f"found:{told}:{place}"
