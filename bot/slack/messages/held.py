"""The message to security about a held case. A settled one has no buttons."""

from bot.slack.messages.access import release_buttons, why_held
from bot.slack.messages.blocks import Message, actions, header, message, section
from bot.text import _, moment, mrkdwn, plain
from workflows.cases.views import CaseView
from workflows.storage.rows.case import CaseState


def build(view: CaseView) -> Message:
    """Return the message."""
    name = plain(view.leaver.name, 80)
    about = {"id": mrkdwn(view.id), "by": mrkdwn(view.opened_by.name), "at": moment(view.opened_at)}
    if view.state is CaseState.HELD:
        point = _("HELD: {name} is not locked out until a second person agrees").format(name=name)
        when = _("at once") if view.immediate else moment(view.effective_at)
        text = _("Case {id}, opened by {by} {at}. Effective time: {when}.").format(**about, when=when)
        buttons = actions("held", *release_buttons(view))
        return message(mrkdwn(point, 400), [header(point), section(why_held(view)), section(text), buttons])
    point = _("The case of {name} was released").format(name=name)
    if view.state is CaseState.CANCELLED:
        point = _("The case of {name} was rejected; nothing was locked").format(name=name)
    title = mrkdwn(point, 400)
    when = moment(view.settled_at) if view.settled_at else ""
    settled = _("{point}, by {name}, {when}.") if view.settled_at else "{point}"
    settled = settled.format(point=title, name=mrkdwn(view.settled_by, 80), when=when)
    return message(title, [section(settled), section(_("Case {id}, opened by {by} {at}.").format(**about))])
