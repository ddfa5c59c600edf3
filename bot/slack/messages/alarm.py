"""Rows that were changed in the database, told to security at once by a message of its own."""

from bot.slack.messages.audit import finding
from bot.slack.messages.blocks import Message, header, message
from bot.text import _, mrkdwn
from workflows.cases.views import FindingLine


def build(line: FindingLine) -> Message:
    """Return the message with the finding."""
    point = _("Somebody changed rows in the database. By such rows no client moves, and no access is given back.")
    if line.closed_at is not None:
        point = _("Settled: rows were changed in the database.")
    return message(mrkdwn(point), [header(point), *finding(line)])
