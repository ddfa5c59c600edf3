"""A server whose answers over HTTP are hostile: slow, endless, or small on the line and huge in memory."""

import gzip
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from itertools import count, repeat
from types import TracebackType
from typing import Self

from connectors.budgets import MOST_BYTES, MOST_VALUES

Answer = Callable[[], Iterator[bytes]]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
PAUSE = 0.05
"""Seconds between the pieces of a slow answer: far below every limit on a single wait."""


def sized(body: bytes, more: bytes = b"") -> bytes:
    """Return a whole answer."""
    return HEAD + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


def slowly(data: bytes) -> Iterator[bytes]:
    """Yield one byte after another, and the last one for ever."""
    for place in count():
        time.sleep(PAUSE)
        yield data[place : place + 1] or data[-1:]


@cache
def bomb(megabytes: int) -> bytes:
    """Return gzip of one string of JSON, a thousand times smaller than the string."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    space = b" " * 2**20
    return packer.compress(b'["') + b"".join(packer.compress(space) for _ in range(megabytes)) + packer.flush()


@cache
def allowed() -> bytes:
    """Return JSON of nearly as many bytes and values as an answer may have, in the form that takes most memory."""
    lists = b"[" + b'{"a":[]},' * (MOST_VALUES // 3 - 10) + b'"'
    return lists + b"x" * (MOST_BYTES - len(lists) - 10) + "😀".encode() + b'"]'


def _every(seconds: float, piece: bytes) -> Iterator[bytes]:
    while True:
        time.sleep(seconds)
        yield piece


@cache
def many_keys() -> bytes:
    """Return one object with many keys."""
    return b"{" + b",".join(b'"%d":0' % n for n in range(300_000)) + b"}"


@cache
def lists_in_gzip() -> bytes:
    """Return gzip of twenty million empty lists."""
    return gzip.compress(b"[" + b"[]," * 20_000_000 + b"1]")


def _after(head: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from pieces


ANSWERS: Mapping[str, Answer] = {
    "a status line byte by byte": lambda: slowly(b"HTTP/1.1 200 " + b"O" * 50_000),
    "headers byte by byte": lambda: slowly(HEAD + b"X: " + b"y" * 50_000),
    "a body byte by byte": lambda: _after(HEAD + b"Content-Length: 50000\r\n\r\n", slowly(b"[" + b" " * 50_000)),
    "chunks byte by byte": lambda: _after(CHUNKED, slowly(b"1\r\n \r\n" * 50_000)),
    "informational answers, slowly": lambda: _every(PAUSE, b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "informational answers, fast": lambda: repeat(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 100),
    "headers without end": lambda: _after(HEAD, repeat(b"X-More: " + b"y" * 2000 + b"\r\n")),
    "one header without end": lambda: _after(HEAD + b"X: ", repeat(b"y" * 2000)),
    "chunks without end": lambda: _after(CHUNKED, repeat(b"4000\r\n" + b" " * 0x4000 + b"\r\n")),
    "tiny chunks without end": lambda: _after(CHUNKED, repeat(b"1\r\n \r\n" * 1000)),
    "a chunk's mark without end": lambda: _after(CHUNKED, repeat(b"0" * 2000)),
    "trailers without end": lambda: _after(CHUNKED + b"0\r\n", repeat(b"X-More: " + b"y" * 2000 + b"\r\n")),
    "a body without a length or an end": lambda: _after(HEAD + b"\r\n", repeat(b" " * 0x4000)),
    "a huge body": lambda: _after(HEAD + b"Content-Length: 2000000000\r\n\r\n", repeat(b" " * 0x4000)),
    "a bomb of gzip": lambda: iter([sized(bomb(700), b"Content-Encoding: gzip\r\n")]),
    "a bomb in chunks": lambda: _after(
        CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n"),
        (b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (bomb(700), b"")),
    ),
    "gzip in gzip": lambda: iter([sized(gzip.compress(bomb(700)), b"Content-Encoding: gzip, gzip\r\n")]),
    "gzip in gzip in two headers": lambda: iter(
        [sized(gzip.compress(bomb(700)), b"Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n")]
    ),
    "deflate": lambda: iter([sized(zlib.compress(b" " * 2**24), b"Content-Encoding: deflate\r\n")]),
    "an unknown compression": lambda: iter([sized(b"x" * 1000, b"Content-Encoding: br\r\n")]),
    "broken gzip": lambda: iter([sized(b"x" * 1000, b"Content-Encoding: gzip\r\n")]),
    "gzip that ends early": lambda: iter([sized(gzip.compress(b"[1, 2]" * 1000)[:-20], b"Content-Encoding: gzip\r\n")]),
    "many empty lists": lambda: iter([sized(b"[" + b"[]," * 1_300_000 + b"1]")]),
    "many empty objects": lambda: iter([sized(b"[" + b'{"a":{}},' * 440_000 + b"1]")]),
    "many keys": lambda: iter([sized(many_keys())]),
    "many empty lists in gzip": lambda: iter([sized(lists_in_gzip(), b"Content-Encoding: gzip\r\n")]),
    "lists in lists": lambda: iter([sized(b"[" * 1_000_000)]),
    "a number of a million digits": lambda: iter([sized(b"[" + b"9" * 1_000_000 + b"]")]),
    "a refusal without end": lambda: _after(
        CHUNKED.replace(b"200 OK", b"400 No"), repeat(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
    ),
    "a refusal full of lists": lambda: iter([sized(b"[" + b"[]," * 1_300_000 + b"1]").replace(b"200 OK", b"401 No")]),
    "all that an answer may have": lambda: iter([sized(allowed())]),
    "silence": lambda: iter([]),
    "half an answer": lambda: iter([HEAD + b"Content-Length: 1000\r\n\r\n["]),
    "noise": lambda: repeat(bytes(range(256)) * 16),
}
"""Each answer, after which the connection stays open."""


class HostileServer:
    """Gives one answer to every request; `first`: whole answers that are given before it."""

    def __init__(self, answer: Answer, first: tuple[bytes, ...] = ()) -> None:
        self._answer, self._first = answer, list(first)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        next(self._answer(), None)  # a large answer is made before anybody waits for it
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._stop.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(60)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(0.2)
        with client, suppress(OSError):
            while self._heard(client):
                if self._first:
                    client.sendall(self._first.pop(0))
                    continue
                for piece in self._answer():
                    if self._stop.is_set() or not self._sent(client, piece):
                        return

    def _heard(self, client: socket.socket) -> bool:
        """Wait for one request; the body of a request comes with its headers, or is not waited for."""
        while not self._stop.is_set():
            with suppress(TimeoutError):
                if not (data := client.recv(65536)):
                    return False
                return bool(data)
        return False

    def _sent(self, client: socket.socket, piece: bytes) -> bool:
        while piece:
            try:
                piece = piece[client.send(piece) :]
            except TimeoutError:
                if self._stop.is_set():
                    return False
        return True
