"""Answers to people who asked for something that takes a while: new messages, since an edited one notifies nobody."""

from sqlmodel import Session

from workflows.context import Context
from workflows.news import Event, responsible, tell, told
from workflows.people import Actor
from workflows.storage.case import CaseData, who_asked
from workflows.storage.outbox import enqueue
from workflows.storage.rows.outbox import MessageKind
from workflows.tampering import acts


def answer(
    context: Context,
    session: Session,
    case_id: str,
    data: CaseData,
    kind: MessageKind,
    asked: tuple[str, ...],
    *,
    done: bool,
) -> frozenset[str]:
    """Tell who asked last, in the caller's transaction, that it is done, or for the first time that it is not.

    `asked`: the acts that ask for it. Somebody without Slack is told through who opened the case, or the channel. Once
    it is done, who opened the case is told, too, and everybody whom it concerns. Returns the Slack ids of all.
    """
    found = [act for act in acts(context, session, case_id, strict=False) if act.action in asked]
    asker = Actor(found[-1].actor, "").slack_id if found else ""
    opener = who_asked(session, context.vault, data)
    message = f"{kind}:{case_id}:{len(found)}:{'done' if done else 'trouble'}"
    enqueue(session, id=message, kind=kind, subject=case_id, case_id=case_id, channel=asker or opener)
    if not done:
        return frozenset((asker or opener,))
    if asker and asker != opener:
        enqueue(session, id=f"{message}:{opener}", kind=kind, subject=case_id, case_id=case_id, channel=opener)
    if kind == MessageKind.RESTORED:
        event, users = Event.UNDONE, list(told(session, case_id, data))
    else:
        event, users = Event.PUT_BACK, list(responsible(session, case_id, data))
    tell(context, session, case_id, data, event, users, but=[asker, opener], mark=str(len(found)))
    return frozenset((asker, opener, *users))
