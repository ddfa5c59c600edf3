"""Buttons and forms of stages and of legal holds, in the details of a case."""

from bot.slack.forms import fields, notice
from bot.slack.forms import stages as forms
from bot.slack.listeners.answers import Listeners, View
from bot.slack.listeners.context import Call
from bot.slack.messages import stages as messages
from bot.text import _
from workflows.authorization import Right
from workflows.refusals import Code, Refused


def register(on: Listeners) -> None:
    """Listen."""
    _register_changes(on)
    _register_holds(on)


def _register_changes(on: Listeners) -> None:
    ctx = on.ctx
    control = ctx.services.stage_control

    @on.button(messages.CHANGE, Right.STAGE)
    def ask(call: Call) -> None:
        known = ctx.services.stages.of_case(call.case).stages
        stage = next((one for one in known if one.name == call.fact("stage")), None)
        if stage is None:
            raise Refused(Code.UNKNOWN_STAGE, stage=call.fact("stage"), known=", ".join(one.name for one in known))
        call.open(forms.change(call.case, stage), above=True)

    @on.form(forms.CHANGE)
    def change(call: Call, view: View) -> View:
        choice, day, reason = forms.parse_change(view)
        ctx.allow(call, Right.STAGE)
        by, name = ctx.actor(call), call.fact("stage")
        if choice is forms.Choice.RUN:
            control.run_now(call.case, name, by)
            text = _("The stage runs now. The case message and its details show the result of a fresh read.")
            return notice.build(_("Runs now"), text)
        if choice is forms.Choice.MOVE and day is not None:
            control.move(call.case, name, day, by)
            return notice.build(_("Moved"), _("New day: {day}.").format(day=day))
        control.skip(call.case, name, by, reason)
        return notice.build(_("Skipped"), _("The stage is skipped. What was done of it stays."))


def _register_holds(on: Listeners) -> None:
    ctx = on.ctx
    holds, offboarding = ctx.services.legal_holds, ctx.services.offboarding

    @on.button(messages.HOLD, Right.HOLD)
    def ask_hold(call: Call) -> None:
        call.open(forms.hold(call.case, offboarding.case(call.case).leaver.name), above=True)

    @on.form(forms.HOLD)
    def hold(call: Call, view: View) -> View:
        reason = fields.parse_reason(view)
        ctx.allow(call, Right.HOLD)
        holds.set(call.case, ctx.actor(call), reason)
        return notice.build(
            _("Legal hold"), _("The legal hold is set. Acts that destroy something wait until it ends.")
        )

    @on.button(messages.END_HOLD, Right.END_HOLD)
    def ask_end(call: Call) -> None:
        call.open(forms.end_hold(call.case, offboarding.case(call.case).leaver.name), above=True)

    @on.form(forms.END_HOLD)
    def end(call: Call, view: View) -> View:
        reason = fields.parse_reason(view)
        ctx.allow(call, Right.END_HOLD)
        holds.end(call.case, ctx.actor(call), reason)
        return notice.build(_("Legal hold"), _("The legal hold has ended. Stages that waited for it go on now."))
