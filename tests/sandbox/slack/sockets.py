"""Socket Mode: the app connects, each envelope goes to one of the connections, an ack with its id comes back."""

import itertools
import json
import secrets
import threading
from concurrent.futures import Future
from http import HTTPStatus
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from tests.sandbox.slack.records import JSON

MOST = 10
"""Connections an app may hold at once."""
ARRIVAL_SECONDS = 1.0
"""A connection counts from the handshake on, though its thread may start a moment later."""
PING_SECONDS = 0.3
"""Frequent, because slack_sdk's client closes only between two frames, and else waits for its 3 s receive timeout."""


class Sockets:
    """The WebSocket side of a workspace. `connected` is the number of live connections."""

    def __init__(self) -> None:
        self._server: Server | None = None
        self._live: list[ServerConnection] = []
        self._tickets: set[str] = set()
        self._waiting: dict[str, Future[JSON]] = {}
        self._turn = itertools.count()
        self._arriving = 0
        self._lock = threading.Condition()
        self._app_id = ""
        self.served: list[int] = []
        """Per envelope, the number of the connection that got it (for tests of several connections)."""

    @property
    def connected(self) -> int:
        """Return the number of open connections."""
        return len(self._live)

    def start(self, app_id: str) -> None:
        """Listen on loopback, on a free port."""
        self._app_id = app_id
        self._server = serve(self._talk, "127.0.0.1", 0, process_request=self._admit, ping_interval=PING_SECONDS)
        threading.Thread(target=self._server.serve_forever, name="slack-sockets", daemon=True).start()

    def stop(self) -> None:
        """Close every connection and stop listening."""
        if self._server:
            self._server.shutdown()
        for connection in list(self._live):
            connection.close()

    def address(self) -> str:
        """A fresh address for one connection, as apps.connections.open gives."""
        if self._server is None:
            raise RuntimeError("the workspace is not being served")
        ticket = secrets.token_urlsafe(12)
        self._tickets.add(ticket)
        return f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}/link/?ticket={ticket}&app_id={self._app_id}"

    def refresh(self, reason: str = "refresh_requested") -> None:
        """Ask every connection to go and come back, as Slack does every few hours."""
        for connection in list(self._live):
            connection.send(json.dumps({"type": "disconnect", "reason": reason, "debug_info": {"host": "practice"}}))
            connection.close()

    def send(self, kind: str, payload: JSON, seconds: float, attempt: int = 0, reason: str = "") -> JSON:
        """Deliver one envelope and wait for the ack. Raises TimeoutError, or ConnectionError if no socket is open."""
        envelope = secrets.token_hex(12)
        answer: Future[JSON] = Future()
        self._waiting[envelope] = answer
        frame: JSON = {
            "envelope_id": envelope,
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind != "events_api",
        }
        if kind == "events_api":
            frame |= {"retry_attempt": attempt, "retry_reason": reason}
        try:
            self._send_to_one(json.dumps(frame))
            return answer.result(seconds)
        finally:
            self._waiting.pop(envelope, None)

    def _send_to_one(self, frame: str) -> None:
        for _ in range(MOST):
            with self._lock:
                self._lock.wait_for(lambda: self._live or not self._arriving, ARRIVAL_SECONDS)
                if not self._live:
                    raise ConnectionError("no connection")
                number = next(self._turn) % len(self._live)
                connection = self._live[number]
            try:
                connection.send(frame)
            except ConnectionClosed:
                self._drop(connection)
                continue
            self.served.append(number)
            return
        raise ConnectionError("no connection")

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        ticket = request.path.partition("ticket=")[2].partition("&")[0]
        if ticket not in self._tickets:
            return connection.respond(HTTPStatus.FORBIDDEN, "bad ticket")
        self._tickets.discard(ticket)
        with self._lock:
            self._arriving += 1
        return None

    def _talk(self, connection: ServerConnection) -> None:
        with self._lock:
            self._arriving -= 1
            self._live.append(connection)
            self._lock.notify_all()
            count = len(self._live)
        try:
            if count > MOST:
                connection.send(json.dumps({"type": "disconnect", "reason": "too_many_websockets"}))
                return
            hello = {"type": "hello", "num_connections": count, "connection_info": {"app_id": self._app_id}}
            connection.send(
                json.dumps(hello | {"debug_info": {"host": "practice", "approximate_connection_time": 18060}})
            )
            for frame in connection:
                self._hear(frame)
        except ConnectionClosed:
            return  # the app went away, as it may at any time
        finally:
            self._drop(connection)

    def _drop(self, connection: ServerConnection) -> None:
        with self._lock:
            if connection in self._live:
                self._live.remove(connection)

    def _hear(self, frame: Any) -> None:
        try:
            ack = json.loads(frame)
        except ValueError:
            return  # not an ack; Slack ignores such frames, too
        answer = self._waiting.get(str(ack.get("envelope_id")))
        if answer and not answer.done():
            body = ack.get("payload")
            answer.set_result(body if isinstance(body, dict) else {})
