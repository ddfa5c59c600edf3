"""Handler of errors that no listener handled: a sentence for the user, details in the log."""

import logging
from typing import Any

from slack_bolt import App, BoltContext, BoltResponse
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.errors import internal_error_message, reference, user_message
from bot.slack.forms.notice import failed
from bot.slack.listeners.acknowledgement import GATE_KEY
from bot.slack.listeners.context import Call

log = logging.getLogger(__name__)


def register(app: App) -> None:
    """Listen."""

    @app.error
    def handle(error: Exception, body: dict[str, Any], client: WebClient, context: BoltContext) -> BoltResponse | None:
        if GATE_KEY not in context:  # the error came before the check of the signature, or in it
            log.warning("a request that Slack did not sign is refused: %s", type(error).__name__)
            return BoltResponse(status=401)
        text = explain(error)
        view = failed(text)
        view_id = str(context.get("view_id") or "")
        submitted = body.get("type") == "view_submission"
        try:
            if view_id or submitted:
                Call(body, client).show(view_id or body["view"]["id"], view, outcome=True)
            elif body.get("user_id") or body.get("user"):
                Call(body, client).tell(text)
        except (SlackApiError, OSError) as undelivered:
            log.warning("the error could not be shown to the user: %s", undelivered)
        # Bolt drops this response if the submission was answered already.
        return BoltResponse(status=200, body={"response_action": "update", "view": view}) if submitted else None


def explain(error: Exception) -> str:
    """Return the sentence for the user. Internal errors go to the log under a reference."""
    text = user_message(error, markup=True)
    if text is not None:
        log.info("told somebody: %s", type(error).__name__)
        return text
    token = reference()
    log.error("reference %s", token, exc_info=error)
    return internal_error_message(token)
