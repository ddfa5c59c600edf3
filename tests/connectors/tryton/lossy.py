"""A relay before a Tryton server that passes calls on and, for writes, breaks the connection instead of answering."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def relay(target: str) -> Iterator[str]:
    """Serve at a free port; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        """One call."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = _pass_on(target + self.path, body, dict(self.headers))
            if json.loads(body)["method"].endswith(".write"):
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _pass_on(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    kept = {name: headers[name] for name in ("Authorization", "Content-Type") if name in headers}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, kept, method="POST"), timeout=20) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
