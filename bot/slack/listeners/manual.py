"""Buttons and forms of what is done by hand. Who may answer is asked of Slack at every click and every submission."""

from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.errors import UserFacingError
from bot.slack.authorize import Right
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


def register(app: App, desk: ListenerContext) -> None:
    """Listen."""

    @app.action(manual.DONE, middleware=[acknowledge])
    def done(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        call.open(forms.done(_waiting(_party(desk, call, call.value))))

    @app.action(manual.CANNOT, middleware=[acknowledge])
    def cannot(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        call.open(forms.cannot(_waiting(_party(desk, call, call.value))))

    @app.action(manual.TAKE_BACK, middleware=[acknowledge])
    def take_back(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        step = _party(desk, call, call.value)
        if not step.confirmed:
            raise Refused(Code.NOT_CONFIRMED)
        call.open(forms.take_back(step))

    _register_forms(app, desk)


def _register_forms(app: App, desk: ListenerContext) -> None:
    @app.view(forms.DONE)
    def confirmed(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        note, proof, faults = forms.parse_done(view)
        _answer(ack, Call(body, client), faults, lambda call: _confirm(desk, call, note, proof))

    @app.view(forms.CANNOT)
    def not_done(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        why, faults = reasons.parse(view)
        _answer(ack, Call(body, client), faults, lambda call: _cannot(desk, call, why))

    @app.view(forms.TAKE_BACK)
    def taken_back(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        why, faults = reasons.parse(view)
        _answer(ack, Call(body, client), faults, lambda call: _take_back(desk, call, why))


def _answer(ack: Ack, call: Call, faults: dict[str, str], work: Callable[[Call], dict[str, Any]]) -> None:
    if faults:
        ack(response_action="errors", errors=faults)
        return
    answer_submission(ack, call, notice.starting(), lambda: work(call))


def _confirm(desk: ListenerContext, call: Call, note: str, proof: Proof | None) -> dict[str, Any]:
    step = _party(desk, call, call.metadata)
    step = desk.services.manual.confirm(step.id, desk.actor(call), note, proof)
    said = _("{title} of {name} is on record as confirmed by you. Nothing was read back.").format(
        title=mrkdwn(step.title), name=mrkdwn(step.leaver.name)
    )
    return notice.notice(_("Thank you"), [section(said)])


def _cannot(desk: ListenerContext, call: Call, why: str) -> dict[str, Any]:
    step = _party(desk, call, call.metadata)
    desk.services.manual.cannot(step.id, desk.actor(call), why)
    return notice.notice(_("Passed on"), [section(_("Somebody else is asked now, with your reason."))])


def _take_back(desk: ListenerContext, call: Call, why: str) -> dict[str, Any]:
    step = _party(desk, call, call.metadata)
    desk.services.manual.retract(step.id, desk.actor(call), why)
    said = _("The confirmation counts no more. The step is open again, and is asked for again.")
    return notice.notice(_("Taken back"), [section(said)])


def _party(desk: ListenerContext, call: Call, facts: dict[str, Any]) -> StepView:
    """Return the step to those who may answer for it at this moment. Raises `Told` for others."""
    step = desk.services.manual.view(str(facts.get("step", "")))
    person = desk.people.find(call.user, fresh=True)
    if call.user == step.leaver.slack_id:
        desk.refuse(call, "answer for a manual step of oneself")
        raise Refused(Code.LEAVER_CONFIRMS)
    if person.deleted or person.bot or person.stranger:
        desk.refuse(call, "answer for a manual step")
        raise UserFacingError(_("Only an active member of this workspace can answer this."))
    asked = [step.assignee, step.escalate_to if step.escalated_at else ""]
    if not any(desk.authorizer.among(call.user, one) for one in asked):
        desk.allow(call, Right.CONFIRM)
    return step


def _waiting(step: StepView) -> StepView:
    """Open no form on what is answered; the submission is checked again. Raises `Refused`."""
    if step.confirmed and not step.waiting:
        at = step.confirmed_at.isoformat() if step.confirmed_at else ""
        raise Refused(Code.ALREADY_CONFIRMED, by=step.confirmed_by, at=at)
    return step
