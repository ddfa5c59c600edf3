"""New findings, to who opened the case, and to security with the buttons."""

from collections.abc import Sequence

from bot.slack.messages import audit
from bot.slack.messages.blocks import Block, Message, context, header, message, paragraphs
from bot.slack.messages.phrases import account, finding_detail
from bot.text import _, day, mrkdwn, ngettext, plain, punctuated
from workflows.cases.views import FindingLine

MOST = 20


def build(lines: Sequence[FindingLine], *, buttons: bool) -> Message:
    """Return the message. `buttons`: the readers may act on findings."""
    waiting = [line for line in lines if line.closed_at is None]
    point = _point(waiting)
    shown = [*waiting, *(line for line in lines if line.closed_at is not None)]
    blocks: list[Block] = [header(_count(waiting))]
    if buttons:
        blocks += [block for line in shown[: audit.WITH_BUTTON] for block in audit.finding(line)]
        shown = shown[audit.WITH_BUTTON :]
    blocks += paragraphs([_line(line) for line in shown[:MOST]])
    if (more := len(shown) - MOST) > 0:
        blocks.append(context(_("… and {count} more").format(count=more)))
    blocks.append(context(_("Each case message shows every system, and has the buttons.")))
    return message(mrkdwn(point, 400), blocks)


def _count(waiting: Sequence[FindingLine]) -> str:
    if not waiting:
        return _("Every finding has been taken or settled by now.")
    count = len(waiting)
    return ngettext("{count:,} new finding", "{count:,} new findings", count).format(count=count)


def _point(waiting: Sequence[FindingLine]) -> str:
    """Return what a notification shows: a single finding in words, several by their number."""
    if len(waiting) != 1:
        return _count(waiting)
    [line] = waiting
    text = _("New finding about {name}: {kind} in {where}")
    return text.format(name=plain(line.leaver.name, 80), kind=audit.kind(line), where=plain(line.system, 60))


def _line(line: FindingLine) -> str:
    if line.closed_at is not None:
        return audit.settled(line)
    text = _("✗ *{name}*: {kind} in {where}, {clauses}{because}")
    return text.format(
        name=mrkdwn(line.leaver.name, 80),
        kind=audit.kind(line),
        where=account(line),
        clauses=punctuated(", ").join([_("since {day}").format(day=day(line.first_seen)), *audit.answers(line)]),
        because=finding_detail(line),
    )
