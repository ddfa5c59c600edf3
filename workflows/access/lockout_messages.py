"""Messages about a lock-out to the people who wait for it: new ones, since an edited one notifies nobody."""

from collections.abc import Iterable

from sqlmodel import Session, col, select

from workflows.context import Context
from workflows.news import line_manager, withdraw
from workflows.storage.case import CaseData, may_know, who_asked
from workflows.storage.outbox import enqueue, request_update
from workflows.storage.rows.outbox import AT, MessageKind, OutboxMessage


def tell_failure(session: Session, access_id: str, data: CaseData, security: str) -> None:
    """Tell HR, security and who asked, in the caller's transaction, that a first attempt did not lock somebody out.

    Systems that fail at one moment share a message: a message that is not sent yet will name them all.
    """
    case_id = access_id.partition(":")[0]
    waiting = select(OutboxMessage.channel).where(
        OutboxMessage.case_id == case_id,
        OutboxMessage.kind == MessageKind.LOCKOUT_FAILED,
        OutboxMessage.ts == "",
        col(OutboxMessage.shown_version) == 0,
        OutboxMessage.claimed_by == "",  # one on its way was written before this failure
    )
    told = set(session.exec(waiting))
    for channel in _places(data.channel, security, data.opened_by.slack_id):
        message = f"failed:{access_id}:{channel}"
        if channel not in told and session.get(OutboxMessage, message) is None:
            enqueue(
                session, id=message, kind=MessageKind.LOCKOUT_FAILED, subject=case_id, case_id=case_id, channel=channel
            )


def tell_restriction(session: Session, restriction_id: str, data: CaseData) -> None:
    """Tell who asked and HR, in the caller's transaction, for the first time that groups were not taken or restored."""
    case_id = restriction_id.partition(":")[0]
    for channel in _places(data.channel, data.opened_by.slack_id):
        message = f"restriction:{restriction_id}:{channel}"
        if session.get(OutboxMessage, message) is None:
            enqueue(
                session, id=message, kind=MessageKind.LOCKOUT_FAILED, subject=case_id, case_id=case_id, channel=channel
            )


def tell_outcome(context: Context, session: Session, case_id: str, data: CaseData) -> None:
    """Tell who asked, or HR for somebody without Slack, in the caller's transaction, that no system is left to lock.

    The line manager is told, too.
    """
    channel, manager = who_asked(session, context.vault, data), line_manager(data)
    readers = {channel: case_id}
    if manager != channel and may_know(session, context.vault, data, manager):
        readers[manager] = f"{case_id}{AT}{manager}"
        withdraw(session, case_id, manager)
    refresh_failures(session, case_id)
    for reader, subject in readers.items():
        enqueue(
            session,
            id=f"locked:{case_id}:{reader}",
            kind=MessageKind.LOCKOUT_ENDED,
            subject=subject,
            case_id=case_id,
            channel=reader,
        )


def refresh_failures(session: Session, case_id: str) -> None:
    """Update the messages about a failure that is over, also for those who get no news of the end."""
    failures = select(OutboxMessage.id).where(
        OutboxMessage.case_id == case_id, OutboxMessage.kind == MessageKind.LOCKOUT_FAILED, OutboxMessage.ts != ""
    )
    for failure in session.exec(failures).all():
        request_update(session, failure)


def _places(*channels: str) -> Iterable[str]:
    return dict.fromkeys(channel for channel in channels if channel)
