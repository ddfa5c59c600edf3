"""A proxy over LDAP before a directory: it hides, changes and invents answers as a world says (RFC 4511)."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SEARCH, ENTRY, DONE, MODIFY, MODIFIED, REFERENCE = 0x63, 0x64, 0x65, 0x66, 0x67, 0x73
"""Tags of operations."""
SEQUENCE, SET, TEXT, NUMBER, ENUMERATED = 0x30, 0x31, 0x04, 0x02, 0x0A


def encode(tag: int, content: bytes) -> bytes:
    """Return one value in BER."""
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def decode(data: bytes) -> list[tuple[int, bytes]]:
    """Return the values in BER that a value consists of."""
    found, at = [], 0
    while at < len(data):
        tag, (start, end) = data[at], _place(data, at)
        found.append((tag, data[start:end]))
        at = end
    return found


def _place(data: bytes, at: int) -> tuple[int, int]:
    """Return where the content of the value at a place begins and ends. Raises IndexError if its head is not whole."""
    size, start = data[at + 1], at + 2
    if size & 0x80:
        if len(data) < start + (size & 0x7F):
            raise IndexError
        size, start = int.from_bytes(data[start : start + (size & 0x7F)], "big"), start + (size & 0x7F)
    return start, start + size


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its number, the tag and content of its operation, and its controls as they are."""

    number: bytes
    tag: int
    content: bytes
    controls: bytes = b""

    @classmethod
    def read(cls, data: bytes) -> "Message":
        """Return the message in BER."""
        [(_, number), (tag, content), *more] = decode(decode(data)[0][1])
        return cls(number, tag, content, b"".join(encode(*one) for one in more))

    def dump(self) -> bytes:
        """Return the message as BER."""
        return encode(SEQUENCE, encode(NUMBER, self.number) + encode(self.tag, self.content) + self.controls)

    def answer(self, tag: int, code: int) -> "Message":
        """Return a result to this request."""
        return Message(self.number, tag, encode(ENUMERATED, bytes([code])) + encode(TEXT, b"") + encode(TEXT, b""))


@dataclass(frozen=True, slots=True)
class Found:
    """One entry in an answer."""

    dn: bytes
    values: dict[bytes, list[bytes]]

    @classmethod
    def read(cls, content: bytes) -> "Found":
        """Return the entry in the content of an operation."""
        [(_, dn), (_, attributes)] = decode(content)
        pairs = [decode(one) for _, one in decode(attributes)]
        return cls(dn, {name: [value for _, value in decode(values)] for (_, name), (_, values) in pairs})

    def dump(self) -> bytes:
        """Return the content of an operation."""
        rows = b"".join(
            encode(SEQUENCE, encode(TEXT, name) + encode(SET, b"".join(encode(TEXT, one) for one in values)))
            for name, values in self.values.items()
        )
        return encode(TEXT, self.dn) + encode(SEQUENCE, rows)


@dataclass(frozen=True, slots=True)
class Search:
    """A search; `asked`: its filter in BER, in lower case."""

    base: bytes
    scope: int
    asked: bytes

    @classmethod
    def read(cls, content: bytes) -> "Search":
        """Return the search in the content of an operation."""
        parts = decode(content)
        return cls(parts[0][1], parts[1][1][0], encode(*parts[6]).lower())


Lie = Callable[[Search, list[Message]], list[Message] | None]
"""Takes a search with its whole answer; returns another answer, or None to cut the connection."""


@dataclass
class Lies:
    """Changes by the proxy: in answers to searches, and a code that answers each request to modify."""

    search: Lie | None = None
    modify: int | None = None


class LyingDirectory:
    """One proxy on loopback. `tls`: the folder of the server's certificate, which the proxy shows as well."""

    def __init__(self, port: int, tls: Path | None = None) -> None:
        self._port, self._tls = port, tls
        self.lies = Lies()
        self._listener = socket.create_server(("127.0.0.1", 0))
        scheme = "ldaps" if tls else "ldap"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    @contextmanager
    def serving(self) -> Iterator["LyingDirectory"]:
        """Serve until the end of the block."""
        thread = threading.Thread(target=self._accept, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            thread.join(5)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Serve one connection: one request after the other, each with its whole answer."""
        with suppress(OSError), client:
            server = socket.create_connection(("127.0.0.1", self._port))
            if self._tls:
                inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                inside.load_cert_chain(self._tls / "server.pem", self._tls / "server.key")
                client = inside.wrap_socket(client, server_side=True)
                outside = ssl.create_default_context(cafile=str(self._tls / "ca.pem"))
                server = outside.wrap_socket(server, server_hostname="127.0.0.1")
            with server, client:
                self._pass_on(Stream(client), Stream(server))

    def _pass_on(self, client: "Stream", server: "Stream") -> None:
        while data := client.message():
            if data[0] != SEQUENCE:  # TLS after all, for example
                return
            request = Message.read(data)
            if request.tag == MODIFY and self.lies.modify is not None:
                client.send([request.answer(MODIFIED, self.lies.modify)])
                continue
            server.send([request])
            if request.tag in (0x42, 0x50):  # the end of the session, or of a search, which nobody answers
                continue
            answers = self._whole_answer(request, server)
            if request.tag == SEARCH and self.lies.search:
                changed = self.lies.search(Search.read(request.content), answers)
                if changed is None:
                    return
                answers = changed
            client.send(answers)

    def _whole_answer(self, request: Message, server: "Stream") -> list[Message]:
        answers: list[Message] = []
        while data := server.message():
            answers.append(Message.read(data))
            if request.tag != SEARCH or answers[-1].tag == DONE:
                return answers
        raise OSError


class Stream:
    """Messages on a socket."""

    def __init__(self, wire: socket.socket) -> None:
        self._wire, self._data = wire, b""

    def message(self) -> bytes:
        """Return the next message, or nothing at the end."""
        while True:
            with suppress(IndexError):
                _start, end = _place(self._data, 0)
                if len(self._data) >= end:
                    found, self._data = self._data[:end], self._data[end:]
                    return found
            if not (more := self._wire.recv(65536)):
                return b""
            self._data += more

    def send(self, messages: Sequence[Message]) -> None:
        """Send messages."""
        self._wire.sendall(b"".join(one.dump() for one in messages))
