"""How Slack reaches the bot: Socket Mode, or HTTP by Bolt's Flask adapter on waitress; health and metrics always."""

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import Flask, Response, request
from slack_bolt import App
from slack_bolt.adapter.flask import SlackRequestHandler
from slack_bolt.adapter.socket_mode import SocketModeHandler
from waitress import wasyncore
from waitress.server import create_server

from bot.app import make_app
from bot.door import Door
from bot.metrics import Metrics, watch
from bot.services import Services
from bot.slack import web_client
from config.settings import Settings

log = logging.getLogger(__name__)
THREADS = 32
PATH = "/slack/events"


def serve(
    services: Services,
    settings: Settings,
    *,
    stop: threading.Event | None = None,
    ready: Callable[[int], None] | None = None,
) -> None:
    """Serve until `stop` is set or an exception (Ctrl-C) comes; `ready` is told the port of the HTTP side."""
    slack = settings.slack
    client = web_client(slack)
    secret = slack.signing_secret.get_secret_value() if slack.signing_secret else ""
    door = Door()
    app = make_app(services, client, signing_secret=secret, door=door)
    metrics = Metrics(lambda: {"handover_open_cases": float(services.offboarding.count(still_open=True))})
    watch(app, metrics)
    web = make_web(app if slack.mode == "http" else None, metrics, door)
    with listening(web, slack.host, slack.port) as port, _socket(app, settings):
        log.info("ready: %s, http://%s:%d/healthz", slack.mode, slack.host, port)
        if ready:
            ready(port)
        (stop or threading.Event()).wait()


def make_web(app: App | None, metrics: Metrics, door: Door) -> Flask:
    """Return the HTTP side: `/healthz` and `/metrics`, and Slack's address where there is an app to answer."""
    web = Flask("handover")

    @web.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @web.get("/metrics")
    def figures() -> Response:
        return Response(metrics.text(), content_type="text/plain; version=0.0.4")

    if app is not None:
        handler = SlackRequestHandler(app)

        @web.post(PATH)
        def events() -> Response:
            with door.passing():
                return handler.handle(request)

    return web


@contextmanager
def listening(web: Flask, host: str, port: int) -> Iterator[int]:
    """Serve on waitress in a thread; yield the port, and let running answers end before closing."""
    held: dict[int, wasyncore.dispatcher] = {}
    listener = socket.create_server((host, port))
    server = create_server(web, map=held, sockets=[listener], threads=THREADS, ident="handover")
    thread = threading.Thread(target=server.run, name="http", daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.task_dispatcher.shutdown(cancel_pending=False, timeout=5)
        # In the loop's own thread, which waits on these: kept-alive connections would hold it up.
        server.trigger.pull_trigger(lambda: wasyncore.close_all(held))
        thread.join(5)


@contextmanager
def _socket(app: App, settings: Settings) -> Iterator[None]:
    token = settings.slack.app_token
    if settings.slack.mode != "socket" or token is None:
        yield
        return
    handler = SocketModeHandler(app, token.get_secret_value())
    handler.connect()  # type: ignore[no-untyped-call] # Bolt gives no types here
    try:
        yield
    finally:
        handler.close()  # type: ignore[no-untyped-call]
