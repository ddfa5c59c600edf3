"""The Bolt app, built from services; requests are always verified, and there is no switch to turn that off."""

import logging
import secrets
from collections.abc import Callable

from slack_bolt import App, BoltContext, BoltResponse
from slack_sdk import WebClient

from bot.services import Services
from bot.slack.acknowledgement_gate import AcknowledgementGate, DeferringPool
from bot.slack.authorize import Authorizer
from bot.slack.listeners import register_listeners
from bot.slack.listeners.acknowledgement import GATE_KEY
from bot.slack.listeners.context import ListenerContext
from bot.slack.people import SlackProfiles

THREADS, SLOW_THREADS = 24, 4


def make_app(
    services: Services, client: WebClient, *, signing_secret: str = "", door: AcknowledgementGate | None = None
) -> App:
    """Return the app with every listener. Without a secret (Socket Mode) no HTTP request can ever verify.

    `door`: what requests come through, where they come over HTTP.
    """
    door = door or AcknowledgementGate()
    app = App(
        client=client,
        signing_secret=signing_secret or secrets.token_hex(32),
        token_verification_enabled=False,  # at the first request: a dead Slack must not keep us from starting
        listener_executor=DeferringPool(door, THREADS, "listener"),
        logger=logging.getLogger("bot.bolt"),
    )
    desk = ListenerContext(
        services,
        Authorizer(services.settings.roles, client),
        SlackProfiles(client),
        DeferringPool(door, SLOW_THREADS, "later", always_later=True),
    )

    @app.middleware
    def through(context: BoltContext, next: Callable[[], BoltResponse]) -> BoltResponse:  # noqa: A002 - Bolt's own name
        context[GATE_KEY] = door
        return next()

    register_listeners(app, desk)
    return app
