"""The Bolt app, built from services; requests are always verified, and there is no switch to turn that off."""

import logging
import secrets
from collections.abc import Callable

from slack_bolt import App, BoltContext, BoltResponse
from slack_sdk import WebClient

from bot.services import Services
from bot.slack.acknowledgement_gate import Door, PolitePool
from bot.slack.authorize import Authorizer
from bot.slack.listeners import register_listeners
from bot.slack.listeners.acknowledgement import DOOR
from bot.slack.listeners.context import Desk
from bot.slack.people import People

THREADS, SLOW_THREADS = 24, 4


def make_app(services: Services, client: WebClient, *, signing_secret: str = "", door: Door | None = None) -> App:
    """Return the app with every listener. Without a secret (Socket Mode) no HTTP request can ever verify.

    `door`: what requests come through, where they come over HTTP.
    """
    door = door or Door()
    app = App(
        client=client,
        signing_secret=signing_secret or secrets.token_hex(32),
        token_verification_enabled=False,  # at the first request: a dead Slack must not keep us from starting
        listener_executor=PolitePool(door, THREADS, "listener"),
        logger=logging.getLogger("bot.bolt"),
    )
    desk = Desk(
        services,
        Authorizer(services.settings.roles, client),
        People(client),
        PolitePool(door, SLOW_THREADS, "later", always_later=True),
    )

    @app.middleware
    def through(context: BoltContext, next: Callable[[], BoltResponse]) -> BoltResponse:  # noqa: A002 - Bolt's own name
        context[DOOR] = door
        return next()

    register_listeners(app, desk)
    return app
