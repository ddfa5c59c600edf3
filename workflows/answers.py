"""Answers to people who asked for something that takes a while: new messages, since an edited one notifies nobody."""

from sqlmodel import Session

from workflows.context import Context
from workflows.people import Actor
from workflows.storage.case import CaseData
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
) -> None:
    """Tell who asked last, in the caller's transaction, that it is done, or for the first time that it is not.

    `asked`: the acts that ask for it. Somebody without Slack is told through who opened the case, or the channel.
    """
    found = [act for act in acts(context, session, case_id, strict=False) if act.action in asked]
    asker = Actor(found[-1].actor, "").slack_id if found else ""
    enqueue(
        session,
        id=f"{kind}:{case_id}:{len(found)}:{'done' if done else 'trouble'}",
        kind=kind,
        subject=case_id,
        case_id=case_id,
        channel=asker or data.opened_by.slack_id or data.channel,
    )
