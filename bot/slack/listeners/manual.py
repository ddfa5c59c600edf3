"""Buttons and forms of manual steps. Every click and submission checks the user's membership in Slack."""

from bot.slack.forms import fields, notice, reasons
from bot.slack.listeners.answers import Listeners, View
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.messages import manual
from bot.text import _, mrkdwn
from workflows.access.views import StepView
from workflows.refusals import Code, Refused


def register(on: Listeners) -> None:
    """Listen."""
    _register_buttons(on, on.ctx)
    _register_forms(on, on.ctx)


def _register_buttons(on: Listeners, ctx: ListenerContext) -> None:
    @on.button(manual.DONE)
    def done(call: Call) -> None:
        call.open(reasons.done(_find_waiting(ctx, call)))

    @on.button(manual.CANNOT)
    def cannot(call: Call) -> None:
        call.open(reasons.cannot(_find_waiting(ctx, call)))

    @on.button(manual.TAKE_BACK)
    def take_back(call: Call) -> None:
        step = _find_step(ctx, call)
        if not step.confirmed:
            raise Refused(Code.NOT_CONFIRMED)
        call.open(reasons.take_back(step))


def _register_forms(on: Listeners, ctx: ListenerContext) -> None:
    steps = ctx.services.manual

    @on.form(reasons.DONE)
    def confirmed(call: Call, view: View) -> View:
        note, proof = reasons.parse_done(view)
        step = steps.confirm(_find_step(ctx, call).id, ctx.actor(call), note, proof)
        text = _("{title} of {name} is on record as confirmed by you. Nothing was read back.")
        return notice.build(_("Thank you"), text.format(title=mrkdwn(step.title), name=mrkdwn(step.leaver.name)))

    @on.form(reasons.CANNOT)
    def not_done(call: Call, view: View) -> View:
        reason = fields.parse_reason(view)
        steps.cannot(_find_step(ctx, call).id, ctx.actor(call), reason)
        return notice.build(_("Passed on"), _("Somebody else is asked now and sees your reason."))

    @on.form(reasons.TAKE_BACK)
    def taken_back(call: Call, view: View) -> View:
        reason = fields.parse_reason(view)
        steps.retract(_find_step(ctx, call).id, ctx.actor(call), reason)
        return notice.build(
            _("Taken back"), _("The confirmation no longer counts. Somebody is asked again to do the step.")
        )


def _find_step(ctx: ListenerContext, call: Call) -> StepView:
    """Return the step to people who may answer for it now. Raises `Refused`."""
    return ctx.services.manual.allow(call.fact("step"), ctx.actor(call))


def _find_waiting(ctx: ListenerContext, call: Call) -> StepView:
    """Return the step if it waits for an answer, before a form opens. Raises `Refused`."""
    step = _find_step(ctx, call)
    if step.confirmed and not step.waiting:
        at = step.confirmed_at.isoformat() if step.confirmed_at else ""
        raise Refused(Code.ALREADY_CONFIRMED, by=step.confirmed_by, at=at)
    return step
