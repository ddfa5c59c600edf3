"""A proxy over HTTP before a server that answers in JSON: it changes requests and answers as a world says."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEPT = ("Authorization", "Content-Type", "Accept")


@dataclass(frozen=True, slots=True)
class Ask:
    """One request; `body` is the JSON in it."""

    method: str
    path: str
    body: Any


Answer = tuple[int, bytes]
Manners = Callable[[Ask, Callable[[], Answer]], Answer]
"""Takes a request and a function that passes it on; returns the answer."""


class LyingProxy:
    """One proxy on loopback. Without manners it passes everything on."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.manners: Manners | None = None
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            """One connection, which carries several requests."""

            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                kept = {name: self.headers[name] for name in KEPT if name in self.headers}
                request = urllib.request.Request(proxy.target + self.path, data or None, kept, method=self.command)
                ask = Ask(self.command, self.path, json.loads(data) if data else None)
                status, content = proxy.manners(ask, lambda: _send(request)) if proxy.manners else _send(request)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names are http.server's

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def serving(self) -> Iterator["LyingProxy"]:
        """Serve until the end of the block."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def _send(request: urllib.request.Request) -> Answer:
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
