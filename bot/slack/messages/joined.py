"""The warning that a leaver joined a channel with messages about cases."""

from bot.slack.messages.blocks import Message, message, section
from bot.text import _, mrkdwn
from workflows.cases.joinings import JoinedChannel
from workflows.cases.views import CaseView


def build(view: CaseView, joined: JoinedChannel) -> Message:
    """Return the warning."""
    warning = _(
        "⚠ {name} has joined <#{channel}>{by} and can read the messages about case {id}. Remove them from the "
        "channel now. Handover cannot do this."
    ).format(
        name=mrkdwn(view.leaver.name),
        channel=joined.channel,
        by=_(" (invited by <@{inviter}>)").format(inviter=joined.inviter) if joined.inviter else "",
        id=mrkdwn(view.id),
    )
    return message(warning, [section(warning)])
