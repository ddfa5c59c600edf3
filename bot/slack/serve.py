"""The connection to Slack: Socket Mode, or HTTP by Bolt's Flask adapter on waitress; health and metrics always.

The bot also runs without Slack, so that lock-outs go on if Slack is down or refuses the tokens. It tries again to
connect until it succeeds.
"""

import logging
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from flask import Flask, Response, request
from slack_bolt import App, BoltRequest
from slack_bolt.adapter.flask.handler import to_flask_response
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from waitress import wasyncore
from waitress.server import TcpWSGIServer, create_server

from bot.errors import slack_error_code
from bot.services import Services
from bot.slack.acknowledgement_gate import AcknowledgementGate
from bot.slack.app import make_app
from bot.slack.client import web_client
from bot.slack.metrics import Metrics, watch
from bot.slack.signature import KEPT, SIGNATURE, STAMP, SignatureGate
from config.settings import Settings

log = logging.getLogger(__name__)
THREADS, PROBE_THREADS = 12, 2
"""Threads of the HTTP server: for Slack's requests, and for health and metrics only."""
PATH = "/slack/events"
CLOSE_SECONDS = 10.0
FIRST_SECONDS = 5.0
"""Seconds that a start waits for Slack. Due work is done meanwhile."""
AGAIN_SECONDS, SELDOM_SECONDS = 5.0, 60.0
"""Seconds between two tries to reach Slack: at first, and at most."""


def serve(
    services: Services,
    settings: Settings,
    *,
    stop: threading.Event | None = None,
    ready: Callable[[int], None] | None = None,
) -> None:
    """Serve until `stop` is set or an exception (Ctrl-C) comes. `ready`: called with the port of the HTTP server."""
    slack = settings.slack
    client = web_client(slack)
    secret = slack.signing_secret.get_secret_value() if slack.signing_secret else ""
    gate = AcknowledgementGate()
    app = make_app(services, client, signing_secret=secret, gate=gate)
    metrics = Metrics(lambda: {"handover_open_cases": float(services.offboarding.count(still_open=True))})
    watch(app, metrics)
    web = make_web(app if slack.mode == "http" else None, metrics, gate, secret)
    threads = THREADS if slack.mode == "http" else PROBE_THREADS
    with listening(web, slack.host, slack.port, threads) as port, slack_connection(client, _handler(app, settings)):
        log.info("ready: %s, http://%s:%d/healthz", slack.mode, slack.host, port)
        if ready:
            ready(port)
        (stop or threading.Event()).wait()


def make_web(app: App | None, metrics: Metrics, gate: AcknowledgementGate, signing_secret: str = "") -> Flask:
    """Return the HTTP server's app: `/healthz`, `/metrics`, and Slack's address if there is a Bolt app."""
    web = Flask("handover")

    @web.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @web.get("/metrics")
    def figures() -> Response:
        return Response(metrics.text(), content_type="text/plain; version=0.0.4")

    if app is not None:
        bolt, signature = app, SignatureGate(signing_secret)

        @web.post(PATH)
        def events() -> Response:
            text = signature.text(
                request.headers.get(STAMP, ""), request.headers.get(SIGNATURE, ""), request.get_data()
            )
            if text is None:
                return Response(status=401)
            with gate.pending_request():
                return _dispatch(bolt, text)

    return web


def _dispatch(app: App, text: str) -> Response:
    """Give a signed request to Bolt."""
    headers: dict[str, str | Sequence[str]] = {name: request.headers[name] for name in KEPT if name in request.headers}
    try:
        asked = BoltRequest(body=text, headers=headers)
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        log.warning("Slack signed a body that is neither a form nor JSON (%s)", type(error).__name__)
        return Response(status=400)
    return to_flask_response(app.dispatch(asked))


@contextmanager
def listening(web: Flask, host: str, port: int, threads: int = THREADS) -> Iterator[int]:
    """Serve on waitress in a thread and yield the port. Running requests end before the server closes."""
    held: dict[int, wasyncore.dispatcher] = {}
    listener = socket.create_server((host, port))
    server = create_server(web, map=held, sockets=[listener], threads=threads, ident="handover")
    thread = threading.Thread(target=server.run, name="http", daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.task_dispatcher.shutdown(cancel_pending=False, timeout=5)
        # Closed in the loop's own thread, which would otherwise wait for kept-alive connections.
        server.trigger.pull_trigger(lambda: _close_connections(server, held))
        thread.join(5)
        server.close()


def _close_connections(server: TcpWSGIServer, held: dict[int, wasyncore.dispatcher]) -> None:
    """Close the connections, and end the loop. The server's own pipe stays: another thread may still write to it."""
    wasyncore.close_all({fd: part for fd, part in held.items() if part not in (server, server.trigger)})
    held.clear()


def _handler(app: App, settings: Settings) -> SocketModeHandler | None:
    token = settings.slack.app_token
    if settings.slack.mode != "socket" or token is None:
        return None
    return SocketModeHandler(app, token.get_secret_value())


@contextmanager
def slack_connection(client: WebClient, handler: SocketModeHandler | None) -> Iterator[None]:
    """Keep a connection to Slack for as long as the context lasts. A thread tries again if Slack is not reached."""
    line = _SlackConnection(client, handler)
    thread = threading.Thread(target=line.reach, name="reach Slack", daemon=True)
    thread.start()
    line.tried.wait(FIRST_SECONDS)
    try:
        yield
    finally:
        line.stop.set()
        if handler is not None:  # in a thread, because the SDK waits for ever if a session begins meanwhile
            closing = threading.Thread(target=handler.close, name="leave Slack", daemon=True)
            closing.start()
            closing.join(CLOSE_SECONDS)


class _SlackConnection:
    """Start of the connection: check the bot's token and open the socket. The SDK renews the socket later."""

    def __init__(self, client: WebClient, handler: SocketModeHandler | None) -> None:
        self._client, self._handler = client, handler
        self.tried, self.stop = threading.Event(), threading.Event()

    def reach(self) -> None:
        """Try until Slack is reached, or `stop` is set."""
        pause = AGAIN_SECONDS
        while not self._reached():
            self.tried.set()
            if self.stop.wait(pause):
                return
            pause = min(2 * pause, SELDOM_SECONDS)
        self.tried.set()

    def _reached(self) -> bool:
        try:
            self._client.auth_test()
            if self._handler is not None:
                self._handler.client.connect_to_new_endpoint()
        except Exception as error:  # noqa: BLE001 - any error is logged, and the lock-outs go on
            said = f"Slack: {slack_error_code(error)}" if isinstance(error, SlackApiError) else f"no answer: {error}"
            log.warning("Slack is not reached (%s); other work goes on, and the bot tries again", said)
            return False
        return True
