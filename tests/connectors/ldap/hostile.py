"""A directory whose answers are hostile: it takes every log-in, and answers each search in one bad way."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import count, repeat
from types import TracebackType
from typing import Self

BASE = "dc=x,dc=example"
PAUSE = 0.05
Answer = Callable[[int], Iterator[bytes]]
"""Function from the number of a request to the pieces of its answer."""


def ber(tag: int, *parts: bytes) -> bytes:
    """Return one value in BER, with its length in four bytes."""
    body = b"".join(parts)
    return bytes((tag, 0x84)) + len(body).to_bytes(4) + body


def text(value: str | bytes) -> bytes:
    return ber(4, value.encode() if isinstance(value, str) else value)


def message(number: int, *parts: bytes) -> bytes:
    return ber(0x30, ber(2, number.to_bytes(4)), *parts)


def entry(number: int, name: str, values: Mapping[str, list[bytes]]) -> bytes:
    attributes = (ber(0x30, text(key), ber(0x31, *map(text, some))) for key, some in values.items())
    return message(number, ber(0x64, text(f"uid={name},{BASE}"), ber(0x30, *attributes)))


def person(number: int, name: str) -> bytes:
    return entry(
        number, name, {"uid": [name.encode()], "mail": [b"dana@x.example"], "entryUUID": [b"u" + name.encode()]}
    )


def done(number: int, cookie: bytes = b"", kind: int = 0x65) -> bytes:
    """Return the end of an answer; `cookie`: there is another page."""
    said = ber(kind, ber(10, b"\0"), text(""), text(""))
    page = ber(0x30, ber(2, b"\0"), text(cookie))
    return message(
        number, said, *([ber(0xA0, ber(0x30, text("1.2.840.113556.1.4.319"), text(page)))] if kind == 0x65 else [])
    )


def slowly(data: bytes) -> Iterator[bytes]:
    for place in count():
        time.sleep(PAUSE)
        yield data[place : place + 1] or b"\0"


def _endless(number: int) -> Iterator[bytes]:
    return (person(number, f"p{turn}") for turn in count())


def _pages(number: int) -> Iterator[bytes]:
    yield done(number, b"more")


def _huge_entry(number: int) -> Iterator[bytes]:
    value = [b"x" * 2**20]
    yield entry(number, "dana", {"description": value * 100})
    yield done(number)


def _full_pages(number: int) -> Iterator[bytes]:
    yield b"".join(person(number, f"p{number}-{turn}") for turn in range(100)) + done(number, b"more")


def _same_range(number: int) -> Iterator[bytes]:
    yield entry(number, "dana", {"uid": [b"dana"], "entryUUID": [b"u"], "mail;range=0-5": [b"a@x.example"]}) + done(
        number
    )


ANSWERS: Mapping[str, Answer] = {
    "silence": lambda _number: iter(()),
    "an entry byte by byte": lambda number: slowly(person(number, "p" * 100_000)),
    "entries one by one, without end": lambda number: (
        piece for turn in count() for piece in _every(person(number, f"p{turn}"))
    ),
    "entries without end": _endless,
    "referrals without end": lambda number: repeat(message(number, ber(0x73, text("ldap://x.example/")))),
    "pages without end, and without entries": _pages,
    "pages without end": _full_pages,
    "one huge entry": _huge_entry,
    "ranges without end": _same_range,
    "noise": lambda _number: repeat(bytes(range(256)) * 16),
}


def _every(piece: bytes) -> Iterator[bytes]:
    time.sleep(PAUSE)
    yield piece


class HostileDirectory:
    """Serves `ldap://`; every request but a log-in gets the same answer."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stop = threading.Event()
        self.url = f"ldap://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._stop.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(60)

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(client,), daemon=True))
            self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(0.2)
        with client, suppress(OSError):
            while not self._stop.is_set():
                with suppress(TimeoutError):
                    if not (asked := client.recv(65536)):
                        return
                    self._reply(client, asked)

    def _reply(self, client: socket.socket, asked: bytes) -> None:
        place = 2 + (asked[1] & 0x7F if asked[1] & 0x80 else 0)  # past the message's tag and length
        size = asked[place + 1]
        number = int.from_bytes(asked[place + 2 : place + 2 + size])
        kind = asked[place + 2 + size]
        pieces = iter([done(number, kind=0x61)]) if kind == 0x60 else self._answer(number)
        for piece in pieces:
            left = piece
            while left:
                try:
                    left = left[client.send(left) :]
                except TimeoutError:
                    if self._stop.is_set():
                        return
            if self._stop.is_set():
                return
