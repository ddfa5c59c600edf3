"""A connection that holds packets: both ends believe in it, and nothing comes through."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class StallingProxy:
    """TCP proxy before a server on loopback. While it holds, it accepts, reads nothing and closes nothing."""

    def __init__(self, port: int) -> None:
        """Take the server's port. Programs connect to `self.port`."""
        self._server = port
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets: list[socket.socket] = [self._listener]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="stalling proxy", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.set()

    def hold(self) -> None:
        """Hold every packet from now on."""
        self._open.clear()

    def release(self) -> None:
        """Let the held packets through."""
        self._open.set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._server))
                except ConnectionRefusedError:  # the server is restarting: the next client may find it
                    client.close()
                    continue
                self._sockets += [client, server]
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._copy, args=(source, target), daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._open.wait()
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)
