"""Restrictions before the lock-out, a line per system. A cancelled case gives the groups back."""

from collections.abc import Callable

from bot.slack.messages.phrases import short
from bot.text import _, moment, mrkdwn, punctuated
from workflows.access.views import RestrictionLine
from workflows.cases.views import CaseView
from workflows.storage.rows.work_state import WorkState


def lines(view: CaseView) -> list[str]:
    """Return a line in Slack's markup for each restriction; cancelled ones without effect are left out."""
    return [
        _("*{title}* before the lock-out: {said}").format(
            title=mrkdwn(line.title), said=said(line, moment(line.due_at), short)
        )
        for line in view.restrictions
        if tells(line)
    ]


def tells(line: RestrictionLine) -> bool:
    """Return whether a restriction has a line. One that was cancelled before it began has none."""
    return bool(line.taken or line.problem or line.state is not WorkState.CANCELLED)


def said(line: RestrictionLine, due: str, safe: Callable[[str], str] = str) -> str:
    """Return a restriction in words. `due`: its time as text. `safe`: escapes names for the output."""
    what, problem = safe(punctuated("; ").join(line.taken)), safe(line.problem)
    if line.lifted:
        text = _("✓ given back ({what})") if line.done_at else _("being given back ({what})")
    elif line.done_at:
        text = _("✓ taken out of sensitive groups ({what})") if what else _("✓ in none of the named groups")
    elif line.state is WorkState.DUE or line.state is WorkState.PLANNED:
        text = _("is taken out of sensitive groups {due}")
    else:
        text = _("left to the lock-out itself ({what})") if what else _("left to the lock-out itself")
    text = text.format(what=what, due=due)
    return _("{text}; ✗ still to do: {problem}").format(text=text, problem=problem) if problem else text
