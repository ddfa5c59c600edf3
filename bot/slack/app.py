"""The Bolt app, built from services. Requests are always verified, and no setting turns that off."""

import logging
import secrets
from collections.abc import Callable
from typing import Any

from slack_bolt import App, BoltContext, BoltResponse
from slack_sdk import WebClient

from bot.services import Services
from bot.slack.acknowledgement_gate import AcknowledgementGate, DeferringPool
from bot.slack.authorize import Authorizer
from bot.slack.languages import Languages
from bot.slack.links import is_slacks
from bot.slack.listeners import register_listeners
from bot.slack.listeners.acknowledgement import GATE_KEY
from bot.slack.listeners.context import ListenerContext
from bot.slack.people import SlackProfiles
from config.text import speak

THREADS, SLOW_THREADS = 24, 4


def make_app(
    services: Services, client: WebClient, *, signing_secret: str = "", gate: AcknowledgementGate | None = None
) -> App:
    """Return the app with all listeners. Without a secret (Socket Mode) every HTTP request is refused.

    `gate`: the gate of requests over HTTP.
    """
    gate = gate or AcknowledgementGate()

    def begin(
        context: BoltContext,
        body: dict[str, Any],
        next: Callable[[], BoltResponse],  # noqa: A002 - Bolt's own name
    ) -> BoltResponse:
        context[GATE_KEY] = gate
        if body.get("response_url") and not is_slacks(str(body["response_url"]), client.base_url):
            del body["response_url"]
            context.pop("response_url", None)  # Bolt itself answers there if it cannot authorize
        return next()

    app = App(
        client=client,
        signing_secret=signing_secret or secrets.token_hex(32),
        before_authorize=begin,  # the first step after the check of the signature
        token_verification_enabled=False,  # verified at the first request, because the bot must start without Slack
        listener_executor=DeferringPool(gate, THREADS, "listener"),
        logger=logging.getLogger("bot.bolt"),
    )
    people = SlackProfiles(client)
    languages = Languages(services.settings, services.languages, lambda user: people.find(user).locale)

    @app.middleware
    def speak_theirs(body: dict[str, Any], next: Callable[[], BoltResponse]) -> BoltResponse:  # noqa: A002
        speak(languages.asker(body))
        return next()

    ctx = ListenerContext(
        services,
        Authorizer(services.settings.roles, client, services.authorization.is_locked_out),
        people,
        DeferringPool(gate, SLOW_THREADS, "later", always_later=True),
        languages,
    )

    register_listeners(app, ctx)
    return app
