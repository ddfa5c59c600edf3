"""Signed heads of the journal: one line of text each, and the places outside the database that keep them.

A head is the newest link of the chain, signed with Ed25519 over the head before it. Whoever holds one such line can
prove later that nothing up to that entry was changed, cut or replaced.
"""

import base64
import hashlib
import os
import re
import socket
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from workflows.storage.rows.operations import JournalHead

LINE = re.compile(
    r"handover-head (\d{1,12}) (\d{1,12}) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) "
    r"([0-9a-f]{64}) ([0-9a-f]{64}) ([A-Za-z0-9+/]{86}==)"
)
MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"
SYSLOG_PRIORITY = 10 * 8 + 5
"""Facility authpriv, severity notice (RFC 5424, section 6.2.1)."""
FIRST = "0" * 64
END = 4096
"""Bytes at the end of a file that hold its newest heads."""


@dataclass(frozen=True, slots=True)
class Head:
    """One signed head. `number` counts heads, `seq` entries; `before` is the digest of the head before it."""

    number: int
    seq: int
    signed_at: datetime
    hash: str
    before: str
    signature: str

    @property
    def content(self) -> bytes:
        """Bytes under the signature."""
        if not self.number:  # signed by version 0.2.0
            return f"handover journal {self.seq} {self.hash}".encode()
        return self._fields().encode()

    @property
    def text(self) -> str:
        """The head as one line that can be copied."""
        return f"{self._fields()} {self.signature}"

    @property
    def digest(self) -> str:
        """Digest that the next head signs."""
        return hashlib.sha256(self.content + self.signature.encode()).hexdigest()

    def is_signed_by(self, public_keys: Collection[str]) -> bool:
        """Return whether one of the keys, in base64, made the signature."""
        return any(self._is_signed_by(key) for key in public_keys)

    def _is_signed_by(self, public_key: str) -> bool:
        try:
            key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
            key.verify(base64.b64decode(self.signature, validate=True), self.content)
        except (InvalidSignature, ValueError):
            return False
        return True

    def _fields(self) -> str:
        at = f"{self.signed_at.astimezone(UTC):{MOMENT}}"
        return f"handover-head {self.number} {self.seq} {at} {self.hash} {self.before}"


def sign(key: Ed25519PrivateKey, before: Head | None, number: int, seq: int, digest: str, at: datetime) -> Head:
    """Return the next head, signed."""
    plain = Head(number, seq, at, digest, before.digest if before else FIRST, "")
    return Head(number, seq, at, digest, plain.before, base64.b64encode(key.sign(plain.content)).decode())


def of_row(row: JournalHead) -> Head:
    """Return the head that a row holds."""
    return Head(row.number, row.seq, row.signed_at, row.hash, row.prev, row.signature)


def read(text: str) -> list[Head]:
    """Return every head in a text of any kind, each once, in the order of their entries."""
    found = {
        Head(int(number), int(seq), datetime.strptime(at, MOMENT).replace(tzinfo=UTC), digest, before, signature)
        for number, seq, at, digest, before, signature in LINE.findall(text)
    }
    return sorted(found, key=lambda head: (head.seq, head.number))


class HeadOutlet(Protocol):
    """Place outside the database that keeps heads."""

    def kept(self) -> Sequence[Head]:
        """Return the heads that the place can show again. Raises `OSError`."""

    def latest(self) -> Sequence[Head]:
        """Return the newest heads that the place can show. Raises `OSError`."""

    def publish(self, heads: Sequence[Head]) -> None:
        """Keep heads, newest last; those kept already are left out. Raises `OSError`."""


class HeadFile:
    """File to which each head is added as a line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def kept(self) -> Sequence[Head]:
        """Return the heads in the file, none without a file."""
        try:
            return read(self._path.read_text(encoding="utf-8", errors="replace"))
        except FileNotFoundError:
            return ()

    def latest(self) -> Sequence[Head]:
        """Return the last heads of the file, which may be long."""
        try:
            with self._path.open("rb") as file:
                file.seek(-min(END, file.seek(0, os.SEEK_END)), os.SEEK_END)
                return read(file.read().decode(errors="replace"))
        except FileNotFoundError:
            return ()

    def publish(self, heads: Sequence[Head]) -> None:
        """Add the heads after the last one in the file, and wait until they are on the disk."""
        last = max((head.number for head in self.latest()), default=0)
        _append(self._path, [head.text for head in heads if head.number > last])


class SyslogOutlet:
    """Syslog server, or the machine's own socket, which shows nothing again."""

    def __init__(self, address: str) -> None:
        """Take `host:port` (UDP), or the path of a socket such as `/dev/log`."""
        self._address = address

    def kept(self) -> Sequence[Head]:
        """Return nothing: a syslog cannot be read from here."""
        return ()

    def latest(self) -> Sequence[Head]:
        """Return nothing, as `kept`."""
        return ()

    def publish(self, heads: Sequence[Head]) -> None:
        """Send the newest head."""
        message = f"<{SYSLOG_PRIORITY}>handover: {heads[-1].text}".encode()
        if self._address.startswith("/"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.connect(self._address)
                channel.send(message)
            return
        host, _colon, port = self._address.rpartition(":")
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)
        family, kind, protocol, _name, address = found[0]
        with socket.socket(family, kind, protocol) as channel:
            channel.sendto(message, address)


def _append(path: Path, lines: Iterable[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    if not text:
        return
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
