"""A front before a BottleCRM that passes requests on, and misbehaves on demand."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.sandbox.ports import free_port

Answer = tuple[int, bytes]
Manners = Callable[[str, str, Callable[[], Answer | None]], Answer | None]
"""Takes method, path and a function that passes the request on; returns the answer, or None to cut the connection."""
KEPT = ("Authorization", "Content-Type", "Accept")


def polite(_: str, __: str, pass_on: Callable[[], Answer | None]) -> Answer | None:
    """Pass every request on."""
    return pass_on()


class Front:
    """Serves at one port during its life; `stopped` closes the port for a while."""

    def __init__(self, target: str) -> None:
        self.target, self.manners = target, polite
        self.requests: list[tuple[str, str]] = []
        self._port = free_port()
        self._listen()

    @property
    def url(self) -> str:
        """Return the address of the front."""
        return f"http://127.0.0.1:{self._port}"

    @contextmanager
    def behaving(self, manners: Manners) -> Iterator[None]:
        """Use another behaviour for a while."""
        self.manners = manners  # type: ignore[assignment]
        try:
            yield
        finally:
            self.manners = polite

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Close the port, and cut open connections at their next request."""
        self.close()
        try:
            with self.behaving(lambda *_: None):
                yield
        finally:
            self._listen()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Accept requests and answer nothing until the end."""
        over = threading.Event()

        def hang(*_: object) -> None:
            over.wait(60)

        try:
            with self.behaving(hang):
                yield
        finally:
            over.set()

    def close(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _listen(self) -> None:
        front = self

        class Handler(BaseHTTPRequestHandler):
            """One connection, which carries several requests."""

            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                kept = {name: self.headers[name] for name in KEPT if name in self.headers}
                front.requests.append((self.command, self.path))
                answer = front.manners(self.command, self.path, lambda: _pass_on(front.target, self, body, kept))
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(answer[0])
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer[1])))
                self.end_headers()
                self.wfile.write(answer[1])

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815 - the names are http.server's

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()


def _pass_on(target: str, handler: BaseHTTPRequestHandler, body: bytes, kept: dict[str, str]) -> Answer | None:
    request = urllib.request.Request(target + handler.path, body or None, kept, method=handler.command)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except (urllib.error.URLError, ConnectionError):  # no server
        return None


def losing(*methods: str) -> Manners:
    """Carry out requests of these methods, and cut the connection instead of answering."""

    def manners(method: str, _: str, pass_on: Callable[[], Answer | None]) -> Answer | None:
        answer = pass_on()
        return None if method in methods else answer

    return manners


def failing(method: str, part: str, times: int = 1) -> Manners:
    """Carry out this number of requests and answer 500."""
    left = [times]

    def manners(asked: str, path: str, pass_on: Callable[[], Answer | None]) -> Answer | None:
        answer = pass_on()
        if asked == method and part in path and left[0]:
            left[0] -= 1
            return 500, b"<h1>Server Error (500)</h1>"
        return answer

    return manners


def slow(seconds: float) -> Manners:
    """Answer late."""

    def manners(_: str, __: str, pass_on: Callable[[], Answer | None]) -> Answer | None:
        time.sleep(seconds)
        return pass_on()

    return manners


def rewriting(part: str, change: Callable[[Any], Any]) -> Manners:
    """Change the answers to reads of a path."""

    def manners(method: str, path: str, pass_on: Callable[[], Answer | None]) -> Answer | None:
        answer = pass_on()
        if answer and method == "GET" and part in path and answer[0] == 200:
            return 200, json.dumps(change(json.loads(answer[1]))).encode()
        return answer

    return manners
