"""A proxy with faults on demand, over real sockets, before a server that answers one request per connection."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum, auto

from tests.sandbox.ports import free_port

PATIENCE = 60.0


class Act(Enum):
    """Faults of a request or of its answer."""

    LOSE = auto()
    """Carried out; the answer never comes."""
    HALF = auto()
    """Carried out; half the answer comes, then the connection is closed."""
    UNFRAMED = auto()
    """As HALF, from a server that gives no length for its answer."""
    RESET = auto()
    """Carried out; half the answer comes, then a reset."""
    HANG = auto()
    """Accepted, not passed on, and not answered."""
    STATUS = auto()
    """Not passed on; answered with a status."""


SILENT = frozenset({Act.LOSE, Act.HANG})


@dataclass(slots=True)
class Fault:
    """One fault for a number of requests of a method and path."""

    act: Act
    method: str = ""
    path: str = ""
    times: int = 1_000_000
    answer: str = ""
    """Status line and headers, for STATUS."""


class Proxy:
    """Passes requests on to the server at `port`."""

    def __init__(self, port: int) -> None:
        self._port, self._listener = port, socket.create_server(("127.0.0.1", free_port()))
        self.port: int = self._listener.getsockname()[1]
        self._faults: list[Fault] = []
        self._lock, self._released = threading.Lock(), threading.Event()
        self.hurried: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
        """Called by a request that will get no answer."""
        self._listen()

    def close(self) -> None:
        self._released.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()

    @contextlib.contextmanager
    def fault(self, fault: Fault) -> Iterator[None]:
        """Apply a fault for a while; requests that hang are dropped at the end."""
        self._released.clear()
        self._faults.append(fault)
        try:
            with self.hurried() if fault.act in SILENT else contextlib.nullcontext():
                yield
        finally:
            self._faults.remove(fault)
            self._released.set()

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Close the port for a while."""
        self.close()
        try:
            yield
        finally:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self._listen()

    def _listen(self) -> None:
        self._thread = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        self._thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(PATIENCE)
            request = _request(client)
            if not request:
                return
            fault = self._due(request)
            if fault and fault.act is Act.HANG:
                self._released.wait(PATIENCE)
            elif fault and fault.act is Act.STATUS:
                client.sendall(f"HTTP/1.1 {fault.answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            else:
                _send(client, self._forward(request), fault.act if fault else None, self._released)

    def _due(self, request: bytes) -> Fault | None:
        method, path, _ = request.split(b" ", 2)
        with self._lock:
            for fault in self._faults:
                if fault.times and method.decode().startswith(fault.method) and fault.path in path.decode():
                    fault.times -= 1
                    return fault
        return None

    def _forward(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self._port), PATIENCE) as server:
            server.sendall(request)
            return b"".join(iter(lambda: server.recv(65536), b""))


def _request(client: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    size = int(sizes[0].split(b":")[1]) if sizes else 0
    while len(body) < size:
        body += client.recv(65536)
    return head + b"\r\n\r\n" + body


def _send(client: socket.socket, answer: bytes, act: Act | None, released: threading.Event) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    if act is Act.LOSE:
        released.wait(PATIENCE)
        return
    if act is Act.UNFRAMED:
        head = b"\r\n".join(line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length:"))
    if act is None:
        client.sendall(answer)
        return
    client.sendall(head + b"\r\n\r\n" + body[: len(body) // 2])
    if act is Act.RESET:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
