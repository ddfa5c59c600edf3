"""What happens to an error that a listener did not handle: a sentence to the person, the rest to the log."""

import logging
from typing import Any

from slack_bolt import App, BoltContext, BoltResponse
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.errors import internal_error_message, reference, user_message
from bot.slack.forms.notice import failed
from bot.slack.listeners.context import Call

log = logging.getLogger(__name__)


def register(app: App) -> None:
    """Listen."""

    @app.error
    def handle(error: Exception, body: dict[str, Any], client: WebClient, context: BoltContext) -> BoltResponse | None:
        text = explain(error)
        view = failed(text)
        view_id = str(context.get("view_id") or "")
        submitted = body.get("type") == "view_submission"
        try:
            if view_id or submitted:
                Call(body, client).show(view_id or body["view"]["id"], view)
            elif body.get("user_id") or body.get("user"):
                Call(body, client).tell(text)
        except (SlackApiError, OSError) as trouble:
            log.warning("could not tell the person about it: %s", trouble)
        # Counts only where the submission was not answered yet; else Bolt drops it.
        return BoltResponse(status=200, body={"response_action": "update", "view": view}) if submitted else None


def explain(error: Exception) -> str:
    """Return what to tell the person; what they cannot mend goes to the log under a reference."""
    text = user_message(error, markup=True)
    if text is not None:
        log.info("told somebody: %s", type(error).__name__)
        return text
    token = reference()
    log.error("reference %s", token, exc_info=error)
    return internal_error_message(token)
