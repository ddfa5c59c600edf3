"""A load generator that costs little: one process, one thread, plain sockets, requests that are ready to send.

`python -m tests.bench.load PORT AT_ONCE`: requests come as one JSON list of texts on standard input, line by line; each
line is fired as it comes, and the milliseconds of each request go out as one JSON list. A request has a connection of
its own; its time runs from the call to connect until the server has closed, so that it contains all queueing there.
"""

import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

BUFFER = 65536


@dataclass(slots=True)
class _Flight:
    number: int
    started: float
    request: bytes
    answer: bytearray = field(default_factory=bytearray)


class Load:
    """The process, started before what it measures; `with` starts and ends it."""

    def __init__(self, port: int, at_once: int) -> None:
        self._command = [sys.executable, "-m", "tests.bench.load", str(port), str(at_once)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._process.stdout.readline()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()

    def fire(self, requests: Sequence[str]) -> list[float]:
        """Send all, so many at a time; return the milliseconds of each, or -1 where the answer was not 200."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(list(requests)) + "\n")
        self._process.stdin.flush()
        return [float(one) for one in json.loads(self._process.stdout.readline())]


def request(path: str, body: str, headers: dict[str, str]) -> str:
    """Return an HTTP/1.1 request as text; the server is to close after it."""
    own = {"Host": "127.0.0.1", "Connection": "close", "Content-Length": str(len(body.encode()))}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in {**own, **headers}.items())]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def _fire(port: int, at_once: int, requests: list[bytes]) -> list[float]:
    taken = [-1.0] * len(requests)
    waiting = list(enumerate(requests))[::-1]
    with selectors.DefaultSelector() as selector:
        while waiting or selector.get_map():
            while waiting and len(selector.get_map()) < at_once:
                _connect(selector, port, *waiting.pop())
            for key, _ in selector.select():
                flight: _Flight = key.data
                assert isinstance(key.fileobj, socket.socket)
                if _over(selector, key.fileobj, flight):
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
                    if flight.answer.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
                        taken[flight.number] = (time.perf_counter() - flight.started) * 1000
    return taken


def _connect(selector: selectors.BaseSelector, port: int, number: int, text: bytes) -> None:
    link = socket.socket()
    link.setblocking(False)
    flight = _Flight(number, time.perf_counter(), text)
    link.connect_ex(("127.0.0.1", port))
    selector.register(link, selectors.EVENT_WRITE, flight)


def _over(selector: selectors.BaseSelector, link: socket.socket, flight: _Flight) -> bool:
    try:
        if flight.request:
            flight.request = flight.request[link.send(flight.request) :]
            if not flight.request:
                selector.modify(link, selectors.EVENT_READ, flight)
            return False
        came = link.recv(BUFFER)
        flight.answer += came
    except BlockingIOError:
        return False
    except OSError:
        return True
    return not came


def main(port: int, at_once: int) -> None:
    """Serve lines until standard input ends."""
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(_fire(port, at_once, [text.encode() for text in json.loads(line)])), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
