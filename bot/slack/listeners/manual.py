"""Buttons and forms of manual steps. Every click and submission checks the user's membership in Slack."""

from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.slack.forms import manual as forms
from bot.slack.forms import notice, reasons
from bot.slack.listeners.acknowledgement import acknowledge
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.submission import answer as answer_submission
from bot.slack.messages import manual
from bot.slack.messages.blocks import section
from bot.text import _, mrkdwn
from workflows.access.manual_steps import Proof
from workflows.access.views import StepView
from workflows.refusals import Code, Refused


def register(app: App, ctx: ListenerContext) -> None:
    """Listen."""

    @app.action(manual.DONE, middleware=[acknowledge])
    def done(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        call.open(forms.done(_waiting(_party(ctx, call, call.value))))

    @app.action(manual.CANNOT, middleware=[acknowledge])
    def cannot(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        call.open(forms.cannot(_waiting(_party(ctx, call, call.value))))

    @app.action(manual.TAKE_BACK, middleware=[acknowledge])
    def take_back(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        step = _party(ctx, call, call.value)
        if not step.confirmed:
            raise Refused(Code.NOT_CONFIRMED)
        call.open(forms.take_back(step))

    _register_forms(app, ctx)


def _register_forms(app: App, ctx: ListenerContext) -> None:
    @app.view(forms.DONE)
    def confirmed(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        note, proof, faults = forms.parse_done(view)
        _answer(ack, Call(body, client), faults, lambda call: _confirm(ctx, call, note, proof))

    @app.view(forms.CANNOT)
    def not_done(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        why, faults = reasons.parse(view)
        _answer(ack, Call(body, client), faults, lambda call: _cannot(ctx, call, why))

    @app.view(forms.TAKE_BACK)
    def taken_back(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        why, faults = reasons.parse(view)
        _answer(ack, Call(body, client), faults, lambda call: _take_back(ctx, call, why))


def _answer(ack: Ack, call: Call, faults: dict[str, str], work: Callable[[Call], dict[str, Any]]) -> None:
    if faults:
        ack(response_action="errors", errors=faults)
        return
    answer_submission(ack, call, notice.starting(), lambda: work(call))


def _confirm(ctx: ListenerContext, call: Call, note: str, proof: Proof | None) -> dict[str, Any]:
    step = _party(ctx, call, call.metadata)
    step = ctx.services.manual.confirm(step.id, ctx.actor(call), note, proof)
    said = _("{title} of {name} is on record as confirmed by you. Nothing was read back.").format(
        title=mrkdwn(step.title), name=mrkdwn(step.leaver.name)
    )
    return notice.notice(_("Thank you"), [section(said)])


def _cannot(ctx: ListenerContext, call: Call, why: str) -> dict[str, Any]:
    step = _party(ctx, call, call.metadata)
    ctx.services.manual.cannot(step.id, ctx.actor(call), why)
    return notice.notice(_("Passed on"), [section(_("Somebody else is asked now and sees your reason."))])


def _take_back(ctx: ListenerContext, call: Call, why: str) -> dict[str, Any]:
    step = _party(ctx, call, call.metadata)
    ctx.services.manual.retract(step.id, ctx.actor(call), why)
    said = _("The confirmation no longer counts. Somebody is asked again to do the step.")
    return notice.notice(_("Taken back"), [section(said)])


def _party(ctx: ListenerContext, call: Call, facts: dict[str, Any]) -> StepView:
    """Return the step to people who may answer for it now. Raises `Refused`."""
    return ctx.services.manual.allow(str(facts.get("step", "")), ctx.actor(call))


def _waiting(step: StepView) -> StepView:
    """Return the step if it waits for an answer, before a form opens. Raises `Refused`."""
    if step.confirmed and not step.waiting:
        at = step.confirmed_at.isoformat() if step.confirmed_at else ""
        raise Refused(Code.ALREADY_CONFIRMED, by=step.confirmed_by, at=at)
    return step
