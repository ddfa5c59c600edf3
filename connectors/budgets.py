"""Budgets of one answer over HTTP: bytes on the line, bytes after decompression, values, and time in all.

httpx bounds only the wait for each piece, and decompresses a piece whole: a header a second never ends, and 1 MB of
gzip becomes 1 GB.
"""

import ssl
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx

from config.text import _
from connectors.names import Names, NoNameServer

MOST_BYTES = 4 * 2**20
"""Bytes of one answer's body. As text and as values it takes up to ten times as much memory."""
MOST_VALUES = 200_000
"""Values in one answer of JSON: an empty list is two bytes of an answer and 64 of memory."""
HEAD_BYTES = 96 * 1024
"""Bytes on the line before the body, informational answers included: less than h11 takes, so that we say why."""
LOOKUP_BYTES = 2 * MOST_BYTES
"""Bytes of all answers to one lookup."""
PIECE = 2**14
ENCODING = "gzip"
"""The one compression that is asked for and read."""
MEGABYTE = 2**20


class BudgetExceeded(Exception):
    """An answer takes more than one may. The message says which budget it was."""


@dataclass(slots=True)
class Budget:
    """The budget of the answer that is being read. Each connection has one, and serves one request at a time."""

    end: float = 0.0
    seconds: float = 0.0
    left: int = 0
    in_head: bool = True
    most: int = MOST_BYTES
    names: Names = field(default_factory=Names)
    unresolved: str = ""
    """Reason for which the host's name has no address; empty if it has one, or was not looked up."""

    def begin(self, seconds: float, end: float) -> None:
        """Begin one answer, which may take so many seconds. `end`: the monotonic time at which its task ends."""
        self.seconds, self.end = seconds, min(time.monotonic() + seconds, end)
        self.left, self.in_head, self.unresolved = HEAD_BYTES, True, ""

    def wait(self, timeout: float | None) -> float:
        """Return the seconds to wait for the next piece. Raises `BudgetExceeded` if no time is left."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise BudgetExceeded(_("the answer takes more than {seconds} s in all").format(seconds=self.seconds))
        return left if timeout is None else min(timeout, left)

    def take(self, size: int) -> None:
        """Count bytes on the line. Raises `BudgetExceeded`."""
        self.left -= size
        if self.left < 0 and self.in_head:
            raise BudgetExceeded(_("the answer's headers have more than {most} KB").format(most=HEAD_BYTES // 1024))
        if self.left < 0:
            raise self.too_large()

    def too_large(self) -> BudgetExceeded:
        """Return the error of an answer with too many bytes."""
        return BudgetExceeded(_("the answer has more than {most} MB").format(most=self.most // MEGABYTE))

    def bound(self, response: httpx.Response) -> None:
        """Make the answer's body end at the budget. httpx then finds it decompressed."""
        stream = response.stream
        self.left, self.in_head = self.left + self.most + HEAD_BYTES, False
        if isinstance(stream, httpx.SyncByteStream):
            packed = response.headers.pop("Content-Encoding", "").strip().lower()
            response.stream = _Body(stream, _unpacker(packed), self)

    def install(self, client: httpx.Client) -> None:
        """Hold every connection that the client opens to this budget, through proxies as well."""
        # httpx has no public place for a network backend. Its pools take one (httpcore, "Network Backends").
        for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001
            if isinstance(transport, httpx.HTTPTransport):
                transport._pool._network_backend = _Network(self)  # noqa: SLF001


def check_values(content: bytes) -> None:
    """Refuse JSON with so many values that they would fill the memory. Raises `BudgetExceeded`."""
    if sum(map(content.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise BudgetExceeded(_("the answer has more than {most} values").format(most=MOST_VALUES))


class LookupBudget:
    """The time, and the bytes of answers, that one lookup may take with all requests of its thread."""

    def __init__(self) -> None:
        self._here = threading.local()

    @property
    def end(self) -> float:
        """The monotonic time at which this thread's lookup ends."""
        return float(getattr(self._here, "end", float("inf")))

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Bound all that this thread asks for inside."""
        self._here.end, self._here.left = time.monotonic() + seconds, LOOKUP_BYTES
        try:
            yield
        finally:
            del self._here.end

    def lift(self) -> None:
        """Bound this thread's lookup no longer: it reads a whole list, which has as many pages as it has records."""
        self._here.end = float("inf")

    def lengthen(self, seconds: float) -> None:
        """Add time that passed before a request could be sent, for which no system is to blame."""
        if self.end < float("inf"):
            self._here.end += seconds

    def take(self, size: int) -> None:
        """Count bytes of an answer. Raises `BudgetExceeded`."""
        if self.end < float("inf"):
            self._here.left -= size
            if self._here.left < 0:
                raise BudgetExceeded(
                    _("the answers to one lookup have more than {most} MB").format(most=LOOKUP_BYTES // MEGABYTE)
                )


def _unpacker(packed: str) -> "zlib._Decompress | None":
    match packed:
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return zlib.decompressobj(zlib.MAX_WBITS | 16)  # 16: with the header of gzip
    raise BudgetExceeded(_("the answer is compressed in a form that was not asked for"))


class _Body(httpx.SyncByteStream):
    """A body, decompressed piece by piece, that ends at the budget."""

    def __init__(self, stream: httpx.SyncByteStream, unpacker: "zlib._Decompress | None", budget: Budget) -> None:
        self._stream, self._unpacker, self._budget = stream, unpacker, budget

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for piece in self._unpacked():
            size += len(piece)
            if size > self._budget.most:
                raise self._budget.too_large()
            yield piece

    def close(self) -> None:
        """Close the stream, which returns or ends the connection."""
        self._stream.close()

    def _unpacked(self) -> Iterator[bytes]:
        unpacker = self._unpacker
        for packed in self._stream:
            self._budget.wait(None)
            if unpacker is None:
                yield packed
                continue
            try:
                piece = unpacker.decompress(packed, PIECE)
                while piece:
                    yield piece
                    piece = unpacker.decompress(unpacker.unconsumed_tail, PIECE)
            except zlib.error as error:
                raise httpx.DecodingError(str(error)) from error


class _Network(httpcore.NetworkBackend):
    def __init__(self, budget: Budget) -> None:
        self._inner, self._budget = httpcore.SyncBackend(), budget

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        end = time.monotonic() + self._budget.wait(timeout)
        try:
            addresses = self._budget.names.addresses(host, end - time.monotonic())
        except NoNameServer as error:
            self._budget.unresolved = str(error)
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        for place, address in enumerate(addresses, 1):
            seconds = max(0.001, end - time.monotonic())
            try:
                stream = self._inner.connect_tcp(address, port, seconds, local_address, socket_options)
            except httpcore.ConnectError:
                if place == len(addresses):
                    raise
            else:
                return _Line(stream, self._budget)
        raise httpcore.ConnectError(_("the host has no address"))


class _Line(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, budget: Budget) -> None:
        self._inner, self._budget = inner, budget

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            data = self._inner.read(max_bytes, self._budget.wait(timeout))
        except httpcore.ReadTimeout:
            self._budget.wait(None)
            raise
        self._budget.take(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            for start in range(0, len(buffer), PIECE):
                self._inner.write(buffer[start : start + PIECE], self._budget.wait(timeout))
        except httpcore.WriteTimeout:
            self._budget.wait(None)
            raise

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._budget.wait(timeout))
        return _Line(inner, self._budget)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
