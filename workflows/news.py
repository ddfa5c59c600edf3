"""News for the people whom a case concerns: a new message to each, since an edited one notifies nobody.

Whoever did the act needs no news of it. The leaver gets none, nor does anybody whom another case has locked out. A
person in two roles gets one message.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from sqlmodel import Session, col, select

from connectors.contract import ClientBook
from workflows.context import Context
from workflows.people import Actor, same_address
from workflows.storage.case import CaseData, may_know
from workflows.storage.outbox import enqueue
from workflows.storage.rows.clients import Decision, Proposal
from workflows.storage.rows.outbox import AT, WITHDRAWN, MessageKind, OutboxMessage

SEPARATOR = "|"


class Event(StrEnum):
    """Event of a case that people are told in person."""

    LEAVING = "leaving"
    RESCHEDULED = "rescheduled"
    RETURNS = "returns"
    ENDED = "ended"
    UNDONE = "undone"
    PUT_BACK = "put_back"
    RECEIVES = "receives"
    TAKEN_BACK = "taken_back"
    STAGE = "stage"


NEWEST = (Event.RESCHEDULED, Event.RETURNS, Event.ENDED, Event.UNDONE)
"""Events that make earlier news needless where it was not sent yet."""


def news_of(subject: str) -> tuple[str, Event, str, str]:
    """Return case, event, reader and further id of a piece of news."""
    case_id, event, user, *rest = subject.split(SEPARATOR)
    return case_id, Event(event), user, rest[0] if rest else ""


def line_manager(data: CaseData) -> str:
    """Return the Slack id of the leaver's line manager, or empty where it is not known."""
    is_approver = bool(data.leaver.manager_email) and same_address(data.approver.email, data.leaver.manager_email)
    return data.line_manager or (data.approver.slack_id if is_approver else "")


def tell(
    context: Context,
    session: Session,
    case_id: str,
    data: CaseData,
    event: Event,
    users: Iterable[str],
    *,
    but: Iterable[str] = (),
    mark: str = "",
) -> None:
    """Request a message to each of these Slack users, in the caller's transaction, once for each event and `mark`."""
    session.flush()
    for user in dict.fromkeys(users):
        message = f"news:{case_id}:{event}:{user}:{mark}"
        if event in NEWEST:
            withdraw(session, case_id, user)
        if user in but or not may_know(session, context.vault, data, user):
            continue
        if session.get(OutboxMessage, message) is not None:
            continue
        subject = SEPARATOR.join(filter(None, (case_id, event, user, mark)))
        enqueue(session, id=message, kind=MessageKind.NEWS, subject=subject, case_id=case_id, channel=user)


def tell_line_manager(
    context: Context, session: Session, case_id: str, data: CaseData, *, clientless: bool = False
) -> None:
    """Tell the line manager who leaves, unless the proposal of the clients tells them. `clientless`: there is none."""
    manager = line_manager(data)
    proposal = not clientless and bool(context.systems.with_capability(ClientBook))
    if not (proposal and manager == data.approver.slack_id):
        tell(context, session, case_id, data, Event.LEAVING, [manager], but=[data.opened_by.slack_id])


def tell_change(
    context: Context, session: Session, case_id: str, data: CaseData, event: Event, by: Actor, what: str = ""
) -> None:
    """Tell who opened the case, and everybody who was told of it before, what somebody has changed.

    A change to `what` was there before is told again: whoever knows of the change between would believe that.
    """
    users = (data.opened_by.slack_id, *told(session, case_id, data))
    session.flush()
    news = select(OutboxMessage).where(OutboxMessage.case_id == case_id, OutboxMessage.kind == MessageKind.NEWS)
    number = sum(news_of(post.subject)[1] is event for post in session.exec(news).all())
    tell(context, session, case_id, data, event, users, but=[by.slack_id], mark=f"{what}/{number}")


def told(session: Session, case_id: str, data: CaseData) -> Iterator[str]:
    """Yield the Slack ids of those who were told of a case, and who still wait for what it said."""
    kinds = (MessageKind.NEWS, MessageKind.LOCKOUT_ENDED, MessageKind.PROPOSAL)
    query = select(OutboxMessage).where(OutboxMessage.case_id == case_id, col(OutboxMessage.kind).in_(kinds))
    for post in session.exec(query.order_by(col(OutboxMessage.id))).all():
        if post.kind == MessageKind.NEWS:
            yield news_of(post.subject)[2]
        elif reader := post.subject.partition(AT)[2]:
            yield reader
        elif post.kind == MessageKind.PROPOSAL:
            yield data.approver.slack_id


def responsible(session: Session, case_id: str, data: CaseData) -> Iterator[str]:
    """Yield the Slack ids of those who answer for the handover: approver, line manager, and everybody who approved."""
    yield from (data.approver.slack_id, line_manager(data))
    agreed = (
        select(Decision.decided_by)
        .join(Proposal, col(Decision.proposal_id) == Proposal.id)
        .where(Proposal.case_id == case_id, Decision.approve, Decision.void == "")
    )
    for actor in session.exec(agreed.order_by(col(Decision.id))).all():
        yield Actor(actor, "").slack_id


def withdraw(session: Session, case_id: str, user: str) -> None:
    """Withdraw news to a person that was not sent yet: a newer event has made it untrue."""
    query = select(OutboxMessage).where(
        OutboxMessage.case_id == case_id,
        OutboxMessage.kind == MessageKind.NEWS,
        OutboxMessage.channel == user,
        OutboxMessage.ts == "",
        OutboxMessage.claimed_by == "",
    )
    for post in session.exec(query).all():
        post.shown_version, post.ts, post.problem = post.wanted_version, WITHDRAWN, ""
        session.add(post)
