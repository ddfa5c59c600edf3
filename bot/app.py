"""The Bolt app, built from services; requests are always verified, and there is no switch to turn that off."""

import logging
import secrets
from concurrent.futures import ThreadPoolExecutor

from slack_bolt import App
from slack_sdk import WebClient

from bot.authorize import Authorizer
from bot.listeners import register_listeners
from bot.listeners.desk import Desk
from bot.people import People
from bot.services import Services

THREADS, SLOW_THREADS = 24, 4


def make_app(services: Services, client: WebClient, *, signing_secret: str = "", threads: int = THREADS) -> App:
    """Return the app with every listener. Without a secret (Socket Mode) no HTTP request can ever verify."""
    app = App(
        client=client,
        signing_secret=signing_secret or secrets.token_hex(32),
        listener_executor=ThreadPoolExecutor(max_workers=threads, thread_name_prefix="listener"),
        logger=logging.getLogger("bot.bolt"),
    )
    desk = Desk(
        services,
        Authorizer(services.settings.roles, client),
        People(client),
        ThreadPoolExecutor(max_workers=SLOW_THREADS, thread_name_prefix="later"),
    )
    register_listeners(app, desk)
    return app
