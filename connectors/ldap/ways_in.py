"""Ways in beside the password: those that an entry shows, and log-ins by client certificate.

A lock of OpenLDAP refuses passwords alone. A certificate that the server maps to an account (SASL EXTERNAL) opens the
locked account (seen on slapd 2.5.13). Whom it maps cannot be read, but every TLS handshake shows whether it asks.
"""

import time
from collections.abc import Sequence
from contextlib import suppress

from cryptography.x509 import load_der_x509_certificate

from config.text import _
from connectors.ldap.dialect import Dialect
from connectors.ldap.faults import handshake_error
from connectors.ldap.settings import LdapSettings
from connectors.ldap.wire import Entry

CERTIFICATE_REQUEST = 13
"""Type of the handshake message (RFC 8446, section 4; RFC 5246, section 7.4)."""
KEPT_SECONDS = 600.0
"""Seconds for which the answer of one address holds."""


class ClientCertificates:
    """Requests of the servers for client certificates, by address."""

    def __init__(self, settings: LdapSettings) -> None:
        self._settings = settings
        self._faults: dict[str, tuple[float, str]] = {}

    def fault(self) -> str:
        """Return why a lock is not believed, as a sentence; empty if no address asks for certificates."""
        s = self._settings
        secured = [url for url in s.urls if s.start_tls or url.startswith("ldaps:")]
        faults = map(self._fault, secured) if s.certificates_open_accounts else ()
        return next(filter(None, faults), "")

    def _fault(self, url: str) -> str:
        at, found = self._faults.get(url, (float("-inf"), ""))
        if time.monotonic() - at > KEPT_SECONDS:
            found = self._ask(url)
            self._faults[url] = time.monotonic(), found
        return found

    def _ask(self, url: str) -> str:
        heard: list[int] = []
        if error := handshake_error(url, self._settings, heard.append):
            return _("cannot tell whether {url} accepts client certificates: {error}").format(url=url, error=error)
        if heard and CERTIFICATE_REQUEST not in heard:
            return ""
        return _(
            "{url} asks for client certificates, and one that is mapped to this account opens it though it is locked. "
            "If none is, set certificates_open_accounts = false"
        ).format(url=url)


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
