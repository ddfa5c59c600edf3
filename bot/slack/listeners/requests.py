"""Adding a person to an approval request, from the case message."""

import re
from typing import Any

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.slack.forms import appoint as form
from bot.slack.forms import notice
from bot.slack.listeners.acknowledgement import acknowledge
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.submission import answer
from bot.slack.messages import requests
from bot.slack.messages.blocks import section
from bot.text import _
from workflows.authorization import Right


def register(app: App, ctx: ListenerContext) -> None:
    """Listen."""

    @app.action(re.compile(f"^{requests.ASK}:"), middleware=[acknowledge])
    def ask(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.allow(call, Right.OPEN)
        call.open(form.build(str(call.value.get("proposal", "")), str(call.value.get("role", ""))))

    @app.view(form.CALLBACK)
    def named(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        who, faults = form.parse(view)
        if faults:
            ack(response_action="errors", errors=faults)
            return
        call = Call(body, client)
        answer(ack, call, notice.starting(), lambda: _appoint(ctx, call, who))


def _appoint(ctx: ListenerContext, call: Call, who: str) -> dict[str, Any]:
    ctx.allow(call, Right.OPEN)
    meta = call.metadata
    ctx.services.appointments.appoint(str(meta.get("proposal", "")), who, ctx.actor(call), str(meta.get("role", "")))
    return notice.notice(_("Asked"), [section(_("They get the proposal in a direct message now."))])
