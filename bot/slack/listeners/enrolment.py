"""Enrolment for one-time codes from the App Home: the secret, then the first code."""

from bot.errors import UserFacingError, user_message
from bot.slack.authorize import Authorizer
from bot.slack.forms import enrolment as form
from bot.slack.forms import fields, notice
from bot.slack.listeners.answers import Listeners, View
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.messages import enrolment
from bot.slack.people import decider_objection
from bot.text import _
from config.settings import Roles
from workflows.people import Actor
from workflows.refusals import Refused
from workflows.storage.enrolments import Enrolments


def register(on: Listeners) -> None:
    """Listen."""
    ctx = on.ctx

    @on.button(enrolment.ENROL)
    def start(call: Call) -> None:
        by = _allowed(ctx, call)
        call.open(form.build(ctx.services.enrolments.offer(by, by)))

    @on.form(form.CALLBACK)
    def first_code(call: Call, view: View) -> View:
        by = _allowed(ctx, call)  # the role may be gone since the form opened
        try:
            person = ctx.services.enrolments.confirm(by.id, form.parse(view), by)
        except Refused as refusal:
            raise fields.InvalidForm({form.CODE: user_message(refusal)}) from refusal
        return notice.build(_("One-time codes"), form.done(person.name))


def enrolled(authorizer: Authorizer, enrolments: Enrolments, user: str) -> bool | None:
    """Return whether a person is enrolled. None: the person has no role, and needs no codes."""
    if not any(authorizer.holds(user, role) for role in Roles.model_fields):
        return None
    return enrolments.find(user) is not None


def _allowed(ctx: ListenerContext, call: Call) -> Actor:
    """Return the user, who must be a full member with a role. Raises `UserFacingError`."""
    why = decider_objection(ctx.people.find(call.user, fresh=True))
    if not why and not any(ctx.authorizer.holds(call.user, role, fresh=True) for role in Roles.model_fields):
        why = _("One-time codes are for people with a role. Roles are in Handover's configuration.")
    if not why and not ctx.authorizer.stands(call.user, fresh=True):
        why = _("A case has locked you out.")
    if why:
        ctx.refuse(call, "enrol for one-time codes")
        raise UserFacingError(why)
    return ctx.actor(call)
