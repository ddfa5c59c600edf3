"""Ways in beside the password: those that an entry shows, and log-ins by client certificate.

A lock of OpenLDAP refuses passwords alone. A certificate that the server maps to an account (SASL EXTERNAL) opens the
locked account (seen on slapd 2.5.13). Whom it maps cannot be read, but every TLS handshake shows whether it asks.
"""

import re
import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from cryptography.x509 import load_der_x509_certificate

from config.text import _
from connectors.ldap.dialect import Dialect
from connectors.ldap.faults import PORTS, START_TLS
from connectors.ldap.settings import LdapSettings
from connectors.ldap.wire import Entry, is_hash

HANDSHAKE, CERTIFICATE_REQUEST = 22, 13
"""Types of a record and of a message (RFC 8446, sections 5.1 and 4; RFC 5246, sections 6.2.1 and 7.4)."""
SUCCESS = b"\x0a\x01\x00"
"""The result code of an answer that agrees (RFC 4511, section 4.1.9)."""
RANDOM = re.compile(rb"(\{CLEARTEXT\})?aA1-[\w-]{64}", re.IGNORECASE)
"""The form of the passwords that a lock writes, which nobody knows."""
BY_PASSWORD = ("PLAIN", "LOGIN", "CRAM-", "DIGEST-", "SCRAM-", "NTLM")
"""Beginnings of the names of SASL mechanisms that check a password (IANA's registry; NTLM of Cyrus SASL)."""
KEPT_SECONDS, SILENT_SECONDS = 600.0, 60.0
"""Seconds for which the answer of one address holds, and after which a silent one is asked again."""


class ClientCertificates:
    """Requests of the servers for client certificates, by address."""

    def __init__(self, settings: LdapSettings) -> None:
        self._settings = settings
        self._heard: dict[str, tuple[float, bool | None]] = {}

    def fault(self) -> str:
        """Return why a lock is not believed, as a sentence; empty if no address asks for certificates.

        An address that does not answer lets nobody in, but one of them must.
        """
        if not self._settings.certificates_open_accounts:
            return ""
        asks = {url: self._asks(url) for url in self._settings.urls}
        if asking := [url for url, asked in asks.items() if asked]:
            return _(
                "{url} asks for client certificates, and one that is mapped to this account opens it though it is "
                "locked. If none is, set certificates_open_accounts = false"
            ).format(url=asking[0])
        if False in asks.values():
            return ""
        return _("cannot tell whether {url} accepts client certificates").format(url=next(iter(asks)))

    def _asks(self, url: str) -> bool | None:
        """Return whether a server asks for certificates, as heard lately; None if it does not answer."""
        at, asked = self._heard.get(url, (float("-inf"), None))
        if time.monotonic() - at > (SILENT_SECONDS if asked is None else KEPT_SECONDS):
            asked = None
            with suppress(OSError):
                asked = _requests_certificate(_handshake(url, self._settings.connect_seconds))
            self._heard[url] = time.monotonic(), asked
        return asked


def _requests_certificate(heard: Sequence[int] | None) -> bool:
    """Return whether a handshake has the request. One of which nothing was heard may have it."""
    return heard is not None and (not heard or CERTIFICATE_REQUEST in heard)


def _handshake(url: str, seconds: float) -> Sequence[int] | None:
    """Agree on TLS, by StartTLS if need be; return the types of the server's messages, None if it has no TLS here.

    Nothing is sent or believed over it, so the server's certificate does not matter.
    """
    heard: list[int] = []

    def listen(_connection: object, direction: str, _version: int, content: int, kind: int, _data: bytes) -> None:
        if direction == "read" and content == HANDSHAKE:
            heard.append(kind)

    parts, context = urlsplit(url), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context._msg_callback = listen  # type: ignore[attr-defined]  # noqa: SLF001 - nothing else shows the messages
    with socket.create_connection((parts.hostname or "", parts.port or PORTS[parts.scheme]), seconds) as plain:
        plain.settimeout(seconds)
        if parts.scheme == "ldap":
            plain.sendall(START_TLS)
            if SUCCESS not in plain.recv(4096):
                return None
        context.wrap_socket(plain).close()
    return heard


def hidden(ways: Sequence[str]) -> str:
    """Return why a lock is not believed where attributes of ways in may not be read; empty if there are none."""
    text = _("locked, but {ways} may not be read, so keys there are not seen: allow it, or take them out of ways_in")
    return text.format(ways=", ".join(ways)) if ways else ""


def has_clear_password(dialect: Dialect, entry: Entry) -> bool:
    """Return whether an entry shows a password in clear that passes the lock; one of our random ones does not count."""
    values = entry.values.get(dialect.password.lower(), ()) if dialect.clear_passwords_pass else ()
    return any(map(is_clear, values))


def is_clear(password: bytes) -> bool:
    """Return whether a stored password is no hash, and none of our random ones."""
    return not is_hash(password) and not RANDOM.fullmatch(password)


def clear_password(dialect: Dialect, entry: Entry, mechanisms: Sequence[str]) -> str:
    """Return why the lock of an entry is not believed, if the server offers log-ins that do not look at it."""
    named = [one for one in mechanisms if one.upper().startswith(BY_PASSWORD)]
    if not (named and has_clear_password(dialect, entry)):
        return ""
    words = _("locked, but the password is stored in clear, and log-ins by SASL ({mechanisms}) do not look at the lock")
    return words.format(mechanisms=", ".join(named))


def left_open(entry: Entry, ways: Sequence[str]) -> str:
    """Return why the lock of an entry is not believed, as a sentence; empty if it shows no other way in."""
    found = [name for name in ways if entry.all(name)]
    text = _("locked, but {ways} may let somebody in beside the password: remove them, or take them out of ways_in")
    return text.format(ways=", ".join(found)) if found else ""


def kept(dialect: Dialect, entry: Entry) -> str:
    """Return the ways in that an entry keeps and that the lock refuses, as a sentence; empty if there are none."""
    found = [
        f"{_(title)} ({name}{_until(entry.values[name.lower()])})"
        for name, title in dialect.refused_ways.items()
        if entry.all(name)
    ]
    text = _(
        "beside the password it has {ways}. The lock refuses all of them, but tickets that they gave last until they "
        "expire. They stay, and work again after an undo"
    )
    return text.format(ways=", ".join(found)) if found else ""


def _until(values: Sequence[bytes]) -> str:
    """Return the last day of the certificates among some values, in words, or an empty text."""
    ends = []
    for value in values:
        with suppress(ValueError):
            ends.append(load_der_x509_certificate(value).not_valid_after_utc)
    return _(", valid until {day}").format(day=f"{max(ends):%Y-%m-%d}") if ends else ""
