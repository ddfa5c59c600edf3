"""Buttons of the case message: Retry and Cancel Offboarding."""

from typing import Any

from slack_bolt import App
from slack_sdk import WebClient

from bot.slack.authorize import Right
from bot.slack.listeners.acknowledgement import acknowledge
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.messages.case import CANCEL, RETRY
from bot.text import _, mrkdwn


def register(app: App, desk: ListenerContext) -> None:
    """Listen."""

    @app.action(RETRY, middleware=[acknowledge])
    def retry(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        desk.allow(call, Right.RETRY)
        system = str(call.value.get("system", ""))
        desk.services.offboarding.retry(str(call.value.get("case", "")), system, desk.actor(call))
        call.tell(
            _("{system} is tried again now; the case message shows what a fresh read says.").format(
                system=mrkdwn(system)
            )
        )

    @app.action(CANCEL, middleware=[acknowledge])
    def cancel(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        desk.allow(call, Right.CANCEL)
        desk.services.offboarding.cancel(str(call.value.get("case", "")), desk.actor(call))
        call.tell(_("The offboarding is cancelled. Nothing was locked."))
