"""Findings that nobody has taken, said once in person to security and administrators."""

from bot.slack.messages.audit import WITH_BUTTON, finding
from bot.slack.messages.blocks import Block, Message, context, header, message
from bot.text import _, mrkdwn, ngettext
from workflows.watch.views import AuditView


def build(view: AuditView) -> Message:
    """Return what waits for somebody."""
    late = [line for line in view.findings if line.overdue]
    if not late:
        point = _("Every finding has been taken or settled by now.")
        return message(mrkdwn(point), [context(mrkdwn(point))])
    point = ngettext(
        "{count:,} finding has been taken by nobody", "{count:,} findings have been taken by nobody", len(late)
    ).format(count=len(late))
    blocks: list[Block] = [header(point)]
    for line in late[:WITH_BUTTON]:
        blocks += finding(line)
    if len(late) > WITH_BUTTON:
        blocks.append(context(_("{count} more are in the audit.").format(count=len(late) - WITH_BUTTON)))
    return message(mrkdwn(point, 600), blocks)
