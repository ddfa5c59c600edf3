"""The message to security about a held case. A settled one has no buttons."""

from bot.slack.messages.access import release_buttons, why_held
from bot.slack.messages.blocks import Message, actions, header, message, section
from bot.text import _, moment, mrkdwn, plain
from workflows.cases.views import CaseView
from workflows.storage.rows.case import CaseState


def build(view: CaseView) -> Message:
    """Return the message."""
    name = plain(view.leaver.name, 80)
    if view.state is not CaseState.HELD:
        released = view.state is not CaseState.CANCELLED
        point = (
            _("The case of {name} was released").format(name=name)
            if released
            else _("The case of {name} was rejected; nothing was locked").format(name=name)
        )
        return message(mrkdwn(point, 400), [section(_said(view, point)), section(_about(view))])
    point = _("HELD: {name} is not locked out until a second person agrees").format(name=name)
    return message(
        mrkdwn(point, 400),
        [header(point), section(why_held(view)), section(_about(view)), actions("held", *release_buttons(view))],
    )


def _said(view: CaseView, point: str) -> str:
    if not view.settled_at:
        return mrkdwn(point, 400)
    by = _("{point}, by {name}, {when}.")
    return by.format(point=mrkdwn(point, 400), name=mrkdwn(view.settled_by, 80), when=moment(view.settled_at))


def _about(view: CaseView) -> str:
    when = _("at once") if view.immediate else moment(view.effective_at)
    if view.state is not CaseState.HELD:
        return _("Case {id}, opened by {by} {at}.").format(
            id=mrkdwn(view.id), by=mrkdwn(view.opened_by.name), at=moment(view.opened_at)
        )
    return _("Case {id}, opened by {by} {at}. Effective time: {when}.").format(
        id=mrkdwn(view.id), by=mrkdwn(view.opened_by.name), at=moment(view.opened_at), when=when
    )
