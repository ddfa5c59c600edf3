"""Findings that nobody has taken, sent once to each security member and administrator."""

from bot.slack.messages.audit import WITH_BUTTON, finding
from bot.slack.messages.blocks import Block, Message, context, header, message
from bot.text import _, mrkdwn, ngettext
from workflows.cases.views import AuditView


def build(view: AuditView) -> Message:
    """Return the message with the overdue findings."""
    late = [line for line in view.findings if line.overdue]
    if not late:
        point = _("Every finding has been taken or settled by now.")
        return message(mrkdwn(point), [context(mrkdwn(point))])
    point = ngettext("Nobody has taken {count:,} finding", "Nobody has taken {count:,} findings", len(late)).format(
        count=len(late)
    )
    blocks: list[Block] = [header(point)]
    for line in late[:WITH_BUTTON]:
        blocks += finding(line)
    if len(late) > WITH_BUTTON:
        blocks.append(context(_("… and {count} more, in the audit's message").format(count=len(late) - WITH_BUTTON)))
    return message(mrkdwn(point, 600), blocks)
