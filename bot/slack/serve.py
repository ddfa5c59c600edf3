"""The connection to Slack: Socket Mode, or HTTP by Bolt's Flask adapter. Health and metrics have their own address.

The bot also runs without Slack, so that lock-outs go on if Slack is down or refuses the tokens. It tries again to
connect until it succeeds.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from http import HTTPStatus
from typing import NamedTuple

from flask import Flask, Response, request
from slack_bolt import App, BoltRequest
from slack_bolt.adapter.flask.handler import to_flask_response
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.errors import slack_error_code
from bot.services import Services
from bot.slack.acknowledgement_gate import AcknowledgementGate
from bot.slack.app import make_app
from bot.slack.client import web_client
from bot.slack.metrics import Metrics, watch
from bot.slack.signature import KEPT, SIGNATURE, STAMP, SignatureGate
from bot.slack.web_server import listening
from bot.text import _
from config.settings import Health, Settings
from workflows.storage.signed_requests import SignedRequests
from workflows.storage.store import StorageFailed

log = logging.getLogger(__name__)
THREADS, HEALTH_THREADS = 12, 2
"""Threads of the two HTTP servers: for Slack's requests, and for health and metrics."""
PATH = "/slack/events"
ROW_SECONDS = 0.3
"""Seconds that a request waits for the row of its signature, while others write."""
CLOSE_SECONDS = 10.0
FIRST_SECONDS = 5.0
"""Seconds that a start waits for Slack. Due work is done meanwhile."""
AGAIN_SECONDS, SELDOM_SECONDS = 5.0, 60.0
"""Seconds between two tries to reach Slack: at first, and at most."""


class Ports(NamedTuple):
    """The open ports; `slack` is None in Socket Mode, and while the port cannot be opened."""

    health: int
    slack: int | None


def serve(
    services: Services,
    settings: Settings,
    *,
    stop: threading.Event | None = None,
    ready: Callable[[Ports], None] | None = None,
    faults: Callable[[], Sequence[str]] = tuple,
) -> None:
    """Serve until `stop` is set or an exception (Ctrl-C) comes. `ready`: called once all ports are open.

    `faults`: returns the faults of the process, for `/healthz`.
    """
    slack = settings.slack
    client = web_client(slack)
    secret = slack.signing_secret.get_secret_value() if slack.signing_secret else ""
    gate = AcknowledgementGate()
    app = make_app(services, client, signing_secret=secret, gate=gate)
    metrics = Metrics(services.figures.read, services.systems.calls)
    watch(app, metrics)
    with ExitStack() as stack:
        door = (
            _SlackDoor(make_web(app, gate, secret, services.signed_requests), slack.host, slack.port)
            if slack.mode == "http"
            else None
        )
        health = _serve_health(
            stack, metrics, settings.health, lambda: [*faults(), *([door.fault] if door and door.fault else [])]
        )
        if door:
            stack.enter_context(door.serving())
        stack.enter_context(slack_connection(client, _handler(app, settings)))
        log.info("ready: %s; health on port %d", slack.mode, health)
        if ready:
            ready(Ports(health, door.port if door else None))
        (stop or threading.Event()).wait()


def _serve_health(stack: ExitStack, metrics: Metrics, health: Health, faults: Callable[[], Sequence[str]]) -> int:
    """Return the port, or 0 after a line in the log: lock-outs go on without it, and the monitoring tells."""
    try:
        return stack.enter_context(
            listening(make_health_web(metrics, faults), health.host, health.port, HEALTH_THREADS)
        )
    except OSError as error:
        log.error("health and metrics are not served at %s, port %d: %s", health.host, health.port, error)  # noqa: TRY400
        return 0


class _SlackDoor:
    """The port that Slack calls. While it cannot be opened, it is tried again, and lock-outs go on."""

    def __init__(self, web: Flask, host: str, port: int) -> None:
        self._web, self._host, self._port = web, host, port
        self._tried, self._stop = threading.Event(), threading.Event()
        self.port: int | None = None
        self.fault = ""

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve for as long as the context lasts, from the moment at which the port can be opened."""
        thread = threading.Thread(target=self._serve, name="Slack's port", daemon=True)
        thread.start()
        self._tried.wait(FIRST_SECONDS)
        try:
            yield
        finally:
            self._stop.set()
            thread.join(CLOSE_SECONDS)

    def _serve(self) -> None:
        pause = AGAIN_SECONDS
        while not self._stop.is_set():
            try:
                with listening(self._web, self._host, self._port, THREADS) as self.port:
                    self.fault = ""
                    self._tried.set()
                    self._stop.wait()
            except OSError as error:
                self.fault = _("Slack's requests are not received at {host}, port {port}: {why}").format(
                    host=self._host, port=self._port, why=error
                )
                log.error("%s; other work goes on, and the bot tries again", self.fault)  # noqa: TRY400
                self._tried.set()
                self._stop.wait(pause)
                pause = min(2 * pause, SELDOM_SECONDS)


def make_web(app: App, gate: AcknowledgementGate, signing_secret: str, requests: SignedRequests) -> Flask:
    """Return the app at the address that Slack calls. It answers signed requests, each once, and nothing else."""
    web, signature = Flask("handover"), SignatureGate(signing_secret)
    writers = ThreadPoolExecutor(THREADS, thread_name_prefix="signed requests")

    @web.post(PATH)
    def events() -> Response:
        stamp, mark = request.headers.get(STAMP, ""), request.headers.get(SIGNATURE, "")
        text = signature.text(stamp, mark, request.get_data())
        if text is None:
            return Response(status=401)
        with gate.pending_request():
            if not _is_first(writers.submit(requests.use, mark)):
                return Response(status=200)
            answer = _dispatch(app, text)
            if answer.status_code >= HTTPStatus.MULTIPLE_CHOICES:  # an event that is not taken comes again
                with suppress(StorageFailed):
                    requests.give_back(mark)
            return answer

    return web


def make_health_web(metrics: Metrics, faults: Callable[[], Sequence[str]] = tuple) -> Flask:
    """Return the app at the address for the company's own monitoring: `/healthz` and `/metrics`.

    `/healthz` answers 503 with a line for each fault.
    """
    web = Flask("handover-health")

    @web.get("/healthz")
    def healthz() -> Response:
        found = faults()
        text = "".join(f"{fault}\n" for fault in found) or "ok\n"
        return Response(text, status=503 if found else 200, mimetype="text/plain")

    @web.get("/metrics")
    def figures() -> Response:
        return Response(metrics.text(), content_type="text/plain; version=0.0.4")

    return web


def _is_first(used: Future[bool]) -> bool:
    """Return whether this signature was never used, or whether no row tells in time.

    An act waits for the same rows, after this one. Slack's three seconds do not.
    """
    try:
        first = used.result(ROW_SECONDS)
    except TimeoutError:
        return True
    except StorageFailed as failed:
        log.warning("whether a request came before is not known: %s", failed)
        return True
    if not first:
        log.warning("a request with a signature that was used before is not done again")
    return first


def _dispatch(app: App, text: str) -> Response:
    """Give a signed request to Bolt."""
    headers: dict[str, str | Sequence[str]] = {name: request.headers[name] for name in KEPT if name in request.headers}
    try:
        asked = BoltRequest(body=text, headers=headers)
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        log.warning("Slack signed a body that is neither a form nor JSON (%s)", type(error).__name__)
        return Response(status=400)
    return to_flask_response(app.dispatch(asked))


def _handler(app: App, settings: Settings) -> SocketModeHandler | None:
    token = settings.slack.app_token
    if settings.slack.mode != "socket" or token is None:
        return None
    return SocketModeHandler(app, token.get_secret_value(), proxy=settings.slack.proxy)


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
