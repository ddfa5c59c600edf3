"""Warnings that a leaver joined a channel with messages about cases."""

from dataclasses import dataclass

from workflows.context import Context
from workflows.people import SLACK, Actor
from workflows.refusals import Code, Refused
from workflows.storage.case import read_case
from workflows.storage.outbox import enqueue
from workflows.storage.rows.outbox import MessageKind, OutboxMessage

SEPARATOR = "|"


@dataclass(frozen=True, slots=True)
class JoinedChannel:
    """A channel that the leaver of a case has joined. `inviter`: the Slack id of who added them, or empty."""

    case_id: str
    channel: str
    inviter: str = ""


def joined_channel(subject: str) -> JoinedChannel:
    """Return the joining that an outbox message is about. Raises `Refused(UNKNOWN_CASE)`."""
    case_id, _mark, rest = subject.partition(SEPARATOR)
    if not rest:
        raise Refused(Code.UNKNOWN_CASE, case=subject)
    return JoinedChannel(case_id, *rest.split(SEPARATOR))


class ChannelJoinings:
    """Records joinings and requests their warnings, one for each place, which do not wait for each other."""

    def __init__(self, context: Context, security_channel: str) -> None:
        self._context, self._security = context, security_channel

    def record(self, joined: JoinedChannel, event: str) -> bool:
        """Record a joining, and warn security and who opened the case. An `event` that comes twice acts once.

        Security's channel is left out if it is the one that the leaver joined. Returns whether the event was new.
        """
        with self._context.store.write(f"case:{joined.case_id}") as session:
            data = read_case(session, self._context.vault, joined.case_id)[1]
            places = [self._security if self._security != joined.channel else "", data.opened_by.slack_id]
            ids = {place: f"joined:{joined.case_id}:{event}:{place}" for place in places if place}
            if any(session.get(OutboxMessage, one) for one in ids.values()):
                return False
            self._context.journal.write(
                session,
                actor=Actor(f"{SLACK}{data.leaver.slack_id}", data.leaver.name),
                action="leaver joined",
                case_id=joined.case_id,
                data={"channel": joined.channel},
            )
            for place, post_id in ids.items():
                enqueue(
                    session,
                    id=post_id,
                    kind=MessageKind.JOINED,
                    subject=SEPARATOR.join((joined.case_id, joined.channel, joined.inviter)),
                    case_id=joined.case_id,
                    channel=place,
                )
            return True
