"""Messages and findings about duties that wait for a decision."""

from collections import defaultdict

from sqlmodel import Session, col, select

from config.text import _, listed, ngettext
from connectors.contract import Duties
from workflows.access.duty_views import DutiesView
from workflows.context import Context
from workflows.storage.case import CaseData, may_know
from workflows.storage.findings import FindingReport
from workflows.storage.outbox import enqueue, request_update
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import BookHandover, BookPhase, Proposal, ProposalState
from workflows.storage.rows.outbox import AT, MessageKind, OutboxMessage
from workflows.storage.rows.watch import FindingKind
from workflows.storage.rows.work_state import WorkState

NAMES = 3
"""Duties that a finding names."""


def refresh(session: Session, case_id: str) -> None:
    """Update every message in which duties of the case are decided, in the caller's transaction."""
    session.flush()
    shown = (MessageKind.DUTIES, MessageKind.PROPOSAL)
    query = select(OutboxMessage.id).where(OutboxMessage.case_id == case_id, col(OutboxMessage.kind).in_(shown))
    for message in session.exec(query).all():
        request_update(session, message)


def ask(context: Context, session: Session, case: Case, data: CaseData, mark: str, *, remind: bool) -> None:
    """Request a new message to the approver, in the caller's transaction; `remind`: and to who opened the case.

    A pending proposal asks the approver in its own message. A reminder is a message of its own all the same.
    """
    users = [data.approver.slack_id] if remind or not asked_with_clients(session, case.id) else []
    if remind or not data.approver.slack_id:
        users.append(data.opened_by.slack_id)
    for user in dict.fromkeys(users):
        if may_know(session, context.vault, data, user):
            enqueue(
                session,
                id=f"duties:{case.id}:{user}:{mark}",
                kind=MessageKind.DUTIES,
                subject=f"{case.id}{AT}{user}",
                case_id=case.id,
                channel=user,
            )


def asked_with_clients(session: Session, case_id: str) -> bool:
    """Return whether a proposal asks the approver now, so that the duties are decided in its message."""
    pending = select(Proposal.id).where(Proposal.case_id == case_id, Proposal.state == ProposalState.PENDING)
    return session.exec(pending.limit(1)).first() is not None


def is_listing(session: Session, case_id: str) -> bool:
    """Return whether the clients are still being listed, so that a proposal may come in a moment."""
    listing = select(BookHandover.id).where(
        BookHandover.case_id == case_id, BookHandover.state == WorkState.DUE, BookHandover.phase == BookPhase.LIST
    )
    return session.exec(listing.limit(1)).first() is not None


def tell_undecided(context: Context, session: Session, case: Case, found: DutiesView, by: str) -> None:
    """Open a finding for each system with undecided duties, or with a list that is not known; close the others."""
    waiting = defaultdict[str, list[str]](list)
    for item in found.undecided:
        waiting[item.system].append(item.duty.title)
    for system, _connector in context.systems.with_capability(Duties):
        titles, unread = waiting.get(system.name, []), found.unread.get(system.name, "")
        detail = named(titles) if titles else _("what runs in their name is not known: {why}").format(why=unread)
        report = FindingReport(FindingKind.DUTY_UNDECIDED, case.id, system.name, detail=detail)
        if titles or unread:
            context.findings.report(session, report, by)
        else:
            context.findings.close_resolved(session, report)


def settle_undecided(context: Context, session: Session, case: Case, found: DutiesView) -> None:
    """Close the findings on undecided duties where somebody has decided on all, in the caller's transaction."""
    waiting = {item.system for item in found.undecided}
    for system, _connector in context.systems.with_capability(Duties):
        if system.name not in waiting and system.name not in found.unread:
            report = FindingReport(FindingKind.DUTY_UNDECIDED, case.id, system.name)
            context.findings.close_resolved(session, report)


def named(titles: list[str]) -> str:
    """Return the number of duties with the names of a few."""
    text = ngettext("{count} duty: {names}", "{count} duties: {names}", len(titles))
    names = listed([*titles[:NAMES], *(["…"] if len(titles) > NAMES else [])])
    return text.format(count=len(titles), names=names)
