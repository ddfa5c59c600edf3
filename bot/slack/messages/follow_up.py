"""A follow-up in the thread of the case message."""

from bot.slack.messages.blocks import Message, context, message, section
from bot.slack.messages.phrases import short
from bot.text import _, moment, mrkdwn
from workflows.cases.views import CaseView, FollowUpLine


def build(case: CaseView, line: FollowUpLine) -> Message:
    """Return the result of one day's check."""
    name = mrkdwn(case.leaver.name)
    if line.done_at is None:
        point = _("The check of {name} on day {day} is due {when}.").format(
            name=name, day=line.day, when=moment(line.due_at)
        )
        return message(point, [section(point)])
    point = _("Day {day} check of {name}: {summary}").format(day=line.day, name=name, summary=short(line.summary, 1500))
    return message(point, [section(point), context(_("Read {when}.").format(when=moment(line.done_at)))])
