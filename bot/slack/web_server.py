"""waitress on one address, with limits on what a client may send, hold and delay before a request is complete.

waitress alone closes only silent connections: one byte a minute keeps one open, and enough of them keep Slack out.
"""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer, create_server

log = logging.getLogger(__name__)
BODY_BYTES, HEADER_BYTES = 2**20, 2**15
"""Largest body and largest headers of one request. Slack's are far smaller."""
REQUEST_SECONDS = 10.0
"""Time for a request to arrive whole, for an answer to be taken, and for an idle connection to be used again."""
CONNECTIONS = 128
"""Open connections. One more closes the one that has been waiting longest for its request."""
BUFFERED_BYTES = 2**25
"""Bytes of all bodies that are still arriving. Beyond it the largest one is given up."""
NO_DISK = 2**26
"""Larger than anything that is ever buffered here: waitress would write the rest to a file."""


class _Channel(HTTPChannel):  # type: ignore[misc] # waitress has no types
    """One connection. All but `service` runs in the server's own thread."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.since = time.monotonic()
        waiting = self._waiting()
        if len(self.server.active_channels) > CONNECTIONS and len(waiting) > 1:
            min(waiting, key=lambda one: one.since).drop()

    def received(self, data: bytes) -> bool:
        """Take a piece of a request. Its time begins with its first byte; empty lines begin nothing."""
        if self.request is None and data.strip():
            self.since = time.monotonic()
        taken = bool(super().received(data))
        arriving = {one: one.request.body_bytes_received for one in self._waiting() if one.request is not None}
        if sum(arriving.values()) > BUFFERED_BYTES:
            max(arriving, key=lambda one: arriving[one]).drop()
        return taken

    def readable(self) -> bool:
        """Return whether more may be read. The server asks each connection at least once a second."""
        if self.requests:  # the time that our own work takes does not count
            self.since = time.monotonic()
        elif time.monotonic() - self.since > REQUEST_SECONDS:
            self.drop()
            return False
        return bool(super().readable())

    def handle_error(self) -> None:
        """Close a connection that sent what cannot be read, such as a length of five thousand digits."""
        log.debug("a connection is closed")
        self.drop()

    def _waiting(self) -> "list[_Channel]":
        return [one for one in self.server.active_channels.values() if not one.requests]

    def drop(self) -> None:
        """Close the connection now, whatever is still to be sent."""
        self.will_close = self.close_when_flushed = False  # nothing is left to be done by the loop
        self.handle_close()


@contextmanager
def listening(web: Flask, host: str, port: int, threads: int) -> Iterator[int]:
    """Serve in a thread and yield the port. Running requests end before the server closes."""
    held: dict[int, wasyncore.dispatcher] = {}
    listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a line for each request that waits for a thread
    server = create_server(
        web,
        map=held,
        sockets=[listener],
        threads=threads,
        ident="handover",
        max_request_body_size=BODY_BYTES + 1,  # waitress refuses from this size on
        max_request_header_size=HEADER_BYTES,
        inbuf_overflow=NO_DISK,
        outbuf_overflow=NO_DISK,
        connection_limit=2 * CONNECTIONS,  # reached only if that many requests are being answered
        asyncore_use_poll=True,  # select takes no file descriptor above 1023
        log_socket_errors=False,
    )
    server.channel_class = _Channel
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
