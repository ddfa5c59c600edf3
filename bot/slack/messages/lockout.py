"""New messages about a lock-out: that it failed, and how it ended."""

from dataclasses import replace

from bot.slack.messages import restriction
from bot.slack.messages.blocks import Block, Message, context, header, message, paragraphs, section
from bot.slack.messages.case import headline
from bot.slack.messages.phrases import GOOD_VERDICTS, short, verdict
from bot.text import _, day, moment, mrkdwn, plain
from workflows.access.views import SystemLine
from workflows.cases.views import CaseView
from workflows.storage.rows.case import CaseState

NO_LOCKOUT = (CaseState.SCHEDULED, CaseState.CANCELLED, CaseState.UNDONE, CaseState.CLOSED)
"""States in which nobody is to be locked out: not yet, or not any more."""


def build(view: CaseView, reader: str = "") -> Message:
    """Return the state of the lock-out as it is now, with every system that is not proven locked.

    `reader`: the line manager, who is told the outcome alone.
    """
    point = headline(view)
    if reader:
        last_day = section(_("Last day: {day}.").format(day=day(view.effective_at)))
        return message(mrkdwn(point, 400), [header(point), last_day, opened(view)])
    bad = [_line(line) for line in view.read if line.verdict not in GOOD_VERDICTS]
    groups = restriction.lines(replace(view, restrictions=tuple(one for one in view.restrictions if one.problem)))
    if view.state in NO_LOCKOUT:
        bad = groups
        if groups:
            point = _("{name}: sensitive groups need attention").format(name=plain(view.leaver.name, 80))
    elif bad:
        point = _("NOT LOCKED OUT: {point}").format(point=point)
    where = _("Case {id}, opened by {by}. The case message shows every system, and has the buttons.").format(
        id=mrkdwn(view.id), by=mrkdwn(view.opened_by.name)
    )
    return message(mrkdwn(point, 400), [header(point), *paragraphs(bad), context(where)])


def opened(view: CaseView) -> Block:
    """Return the case's id, with who opened it and when."""
    text = _("Case {id}, opened by {by} {at}.")
    by = mrkdwn(view.opened_by.name)
    return context(text.format(id=mrkdwn(view.id), by=by, at=moment(view.opened_at)))


def _line(line: SystemLine) -> str:
    text = f"*{mrkdwn(line.title)}* – {verdict(line.verdict)}"
    if line.reason:
        text = _("{line}: {reason}").format(line=text, reason=short(line.reason))
    if line.next_try_at:
        text = _("{line}. Next automatic try {when}.").format(line=text, when=moment(line.next_try_at))
    return text
