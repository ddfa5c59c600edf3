"""One message about many lock-outs that ended within the same minute."""

from collections.abc import Sequence

from bot.slack.messages.blocks import Message, context, header, message, paragraphs
from bot.slack.messages.case import headline
from bot.slack.messages.phrases import GOOD_VERDICTS
from bot.text import _, mrkdwn, ngettext, punctuated
from workflows.cases.views import CaseBrief

MOST = 60


def build(views: Sequence[CaseBrief]) -> Message:
    """Return a line for each case as it is now, those that are not locked out first."""
    count = len(views)
    point = ngettext("{count} lock-out has ended", "{count} lock-outs have ended", count).format(count=count)
    if bad := sum(not _is_good(view) for view in views):
        point = _("{point}; NOT LOCKED OUT: {bad}").format(point=point, bad=bad)
    ordered = sorted(views, key=lambda view: (_is_good(view), view.leaver.name))
    line = punctuated("• {point} ({id})")
    lines = [line.format(point=mrkdwn(headline(view), 400), id=mrkdwn(view.id)) for view in ordered[:MOST]]
    if count > MOST:
        lines.append(_("… and {count} more; `handover status` shows all.").format(count=count - MOST))
    where = context(_("Each case message shows every system, and has the buttons."))
    return message(mrkdwn(point, 400), [header(point), *paragraphs(lines), where])


def _is_good(view: CaseBrief) -> bool:
    return all(line.verdict in GOOD_VERDICTS for line in view.read)
