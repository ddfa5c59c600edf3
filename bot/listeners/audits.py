"""Buttons of the audit's digest: Lock Again, and the whole list as a file."""

from typing import Any

from slack_bolt import App
from slack_sdk import WebClient

from bot.authorize import Right
from bot.listeners.acknowledgement import acknowledge
from bot.listeners.desk import Call, Desk
from bot.listeners.files import send_csv
from bot.messages import audit
from bot.text import _, mrkdwn


def register(app: App, desk: Desk) -> None:
    """Listen."""

    @app.action(audit.LOCK_AGAIN, middleware=[acknowledge])
    def lock_again(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        desk.allow(call, Right.LOCK_AGAIN)
        case = desk.services.audits.lock_again(str(call.value.get("finding", "")), desk.actor(call))
        call.tell(
            _("Locking again now; the message of case {case} shows what a fresh read says.").format(case=mrkdwn(case))
        )

    @app.action(audit.CSV, middleware=[acknowledge])
    def file(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        desk.allow(call, Right.AUDIT)
        run = str(call.value.get("run", ""))
        send_csv(call, desk.services.audits.csv(run), f"{run}.csv")
