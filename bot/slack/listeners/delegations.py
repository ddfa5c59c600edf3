"""Delegations from the App Home: name a delegate, end a delegation."""

from typing import Any
from zoneinfo import ZoneInfo

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.errors import UserFacingError
from bot.slack.forms import delegate as form
from bot.slack.forms import notice
from bot.slack.listeners import home
from bot.slack.listeners.acknowledgement import acknowledge
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.submission import answer
from bot.slack.messages import delegate
from bot.slack.messages.blocks import section
from bot.slack.messages.home import build
from bot.slack.people import decider_objection
from bot.text import _, mrkdwn


def register(app: App, ctx: ListenerContext) -> None:
    """Listen."""

    @app.action(delegate.ASK, middleware=[acknowledge])
    def ask(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        today = ctx.services.clock.now().astimezone(ZoneInfo(_zone(ctx, call))).date()
        call.open(form.build(today))

    @app.view(form.CALLBACK)
    def named(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        call = Call(body, client)
        absence, faults = form.parse(view, _zone(ctx, call))
        if absence is None:
            ack(response_action="errors", errors=faults)
            return
        answer(ack, call, notice.starting(), lambda: _make(ctx, call, absence))

    @app.action(delegate.END, middleware=[acknowledge])
    def end(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.services.delegations.end(str(call.value.get("delegation", "")), ctx.actor(call))
        _redraw(ctx, call)


def _make(ctx: ListenerContext, call: Call, absence: form.Absence) -> dict[str, Any]:
    person = ctx.people.find(call.user, fresh=True)
    if why := decider_objection(person, call.team):
        ctx.refuse(call, "name a stand-in")
        raise UserFacingError(why)
    made = ctx.services.delegations.make(call.user, absence.delegate, absence.since, absence.until, ctx.actor(call))
    _redraw(ctx, call)
    said = _("{name} decides for you, {period}. You can end this on the Home tab.").format(
        name=mrkdwn(made.delegate.name, 60), period=delegate.period(made)
    )
    return notice.notice(_("Delegate named"), [section(said)])


def _redraw(ctx: ListenerContext, call: Call) -> None:
    call.client.views_publish(user_id=call.user, view=build(home.gather(ctx, call.user)))


def _zone(ctx: ListenerContext, call: Call) -> str:
    return ctx.people.find(call.user).timezone or ctx.services.settings.company.timezone
