"""Buttons of the case message: retry, cancel the offboarding."""

from typing import Any

from slack_bolt import App
from slack_sdk import WebClient

from bot.slack.listeners.acknowledgement import acknowledge
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.messages.case import CANCEL, RETRY
from bot.text import _, mrkdwn
from workflows.authorization import Right


def register(app: App, ctx: ListenerContext) -> None:
    """Listen."""

    @app.action(RETRY, middleware=[acknowledge])
    def retry(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.allow(call, Right.RETRY)
        system = str(call.value.get("system", ""))
        ctx.services.offboarding.retry(str(call.value.get("case", "")), system, ctx.actor(call))
        call.tell(
            _("{system} is being tried again. The case message shows the result of a fresh read.").format(
                system=mrkdwn(system)
            )
        )

    @app.action(CANCEL, middleware=[acknowledge])
    def cancel(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.allow(call, Right.CANCEL)
        ctx.services.offboarding.cancel(str(call.value.get("case", "")), ctx.actor(call))
        call.tell(_("The offboarding is cancelled. Nothing was locked."))
