"""LDAP's faults for people: libldap's exceptions as the six errors, unreachable addresses, refused log-ins."""

import re
import socket
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import ldap

from config.text import N_, _
from connectors.errors import BadCredential, Conflict, ConnectorError, Forbidden, Missing, Unavailable
from connectors.ldap.settings import LdapSettings

_TABLE: tuple[tuple[tuple[str, ...], type[ConnectorError], str], ...] = (
    (("INVALID_CREDENTIALS", "INAPPROPRIATE_AUTH"), BadCredential, ""),
    (("INVALID_DN_SYNTAX",), Forbidden, N_("a DN in the settings is not one that this server can read")),
    (("FILTER_ERROR",), Forbidden, N_("people_filter is not a filter")),
    (("INSUFFICIENT_ACCESS",), Forbidden, ""),
    (("STRONG_AUTH_REQUIRED", "CONFIDENTIALITY_REQUIRED"), Forbidden, N_("use ldaps:// or start_tls = true")),
    (
        ("SIZELIMIT_EXCEEDED", "ADMINLIMIT_EXCEEDED"),
        Forbidden,
        N_("the answer was cut short; raise the server's limits for bind_dn"),
    ),
    (
        ("UNDEFINED_TYPE",),
        Forbidden,
        N_('the server must load the password policy overlay (ppolicy), or lock_by must be "password"'),
    ),
    (
        ("REFERRAL",),
        Forbidden,
        N_("that is on another server: put one that takes writes into urls, where this one is a read-only copy"),
    ),
    (("NO_SUCH_OBJECT",), Missing, ""),
    (("TIMELIMIT_EXCEEDED",), Unavailable, N_("the server's own time limit for bind_dn is too short for this search")),
    (("ASSERTION_FAILED",), Conflict, N_("the entry was changed by someone else meanwhile")),
    (
        (
            "CONSTRAINT_VIOLATION",
            "OBJECT_CLASS_VIOLATION",
            "TYPE_OR_VALUE_EXISTS",
            "NO_SUCH_ATTRIBUTE",
            "UNWILLING_TO_PERFORM",
            "NOT_ALLOWED_ON_NONLEAF",
            "INVALID_SYNTAX",
        ),
        Conflict,
        "",
    ),
)
ROWS: dict[type[Exception], tuple[type[ConnectorError], str]] = {
    getattr(ldap, name): (six, hint) for names, six, hint in _TABLE for name in names
}

NO_ANSWER: tuple[type[Exception], ...] = (ldap.SERVER_DOWN, ldap.TIMEOUT, ldap.CONNECT_ERROR)
"""Errors after which the connection is unusable, and the outcome of a request unknown."""
LIMITS = (ldap.SIZELIMIT_EXCEEDED, ldap.ADMINLIMIT_EXCEEDED, ldap.TIMELIMIT_EXCEEDED)
"""Errors of a server that cuts an answer short."""
NOT_NOW: tuple[type[Exception], ...] = (ldap.BUSY, ldap.UNAVAILABLE)
"""Errors of a server that serves no requests now; another address may."""

START_TLS = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
"""The StartTLS request (RFC 4511, 4.14) as message 1."""
PORTS = {"ldap": 389, "ldaps": 636}
UNTRUSTED = (2, 18, 19, 20, 21)
_UNKNOWN = N_("it is from an authority that is not trusted; ca_file must name the one that signed it")
_NAME = N_("it is for another name; urls must have a name that stands in it")
CERTIFICATE_FAULTS = {
    9: N_("it is not valid yet; check the clocks of both machines"),
    10: N_("it has expired; the server needs a new one"),
    **dict.fromkeys(UNTRUSTED, _UNKNOWN),
    **dict.fromkeys((62, 64), _NAME),
}
"""OpenSSL's X509_V_ERR_ codes (openssl-verification-options(1)), each with the instruction for the administrator."""


ACCOUNT_DISABLED = "533"
REFUSALS = {
    "525": N_("no such account"),
    "52e": N_("wrong password, or no such account"),
    "52f": N_("restricted account"),
    "530": N_("not at this hour"),
    "531": N_("not from this computer"),
    "532": N_("password expired"),
    ACCOUNT_DISABLED: N_("account disabled"),
    "701": N_("account expired"),
    "773": N_("password must be changed first"),
    "775": N_("account locked after wrong passwords"),
}
"""Windows' own errors in hexadecimal (source in README.md).

All except 525 and 52e are sent only after the right password.
"""
REFUSED = N_("log-in refused")
_CODE = re.compile(r"AcceptSecurityContext error, data ([0-9a-f]+)", re.IGNORECASE)


def server_words(error: Exception) -> str:
    """Return the server's own words, and nothing that we sent."""
    if isinstance(error, ldap.TIMEOUT):
        return _("no answer in time")
    facts: Any = error.args[0] if error.args else {}
    if not isinstance(facts, dict):
        return type(error).__name__
    words = [str(facts[key]) for key in ("desc", "info") if facts.get(key)]
    return " ".join(": ".join(words).split()) or type(error).__name__


def translate(error: Exception, doing: str, needs: str = "") -> ConnectorError:
    """Return the instruction for an LDAP error; an error that is not in the table means: wait."""
    six, hint = ROWS.get(type(error), (Unavailable, ""))
    hint = _(hint) if hint else ""
    if six is Forbidden and not hint:
        hint = _("the bot's account needs {needs}").format(needs=needs) if needs else ""
    return six("; ".join(part for part in (f"{doing}: {server_words(error)}", hint) if part))


def is_untrusted(error: OSError | None) -> bool:
    """Return whether a certificate is from an authority that `ca_file` does not name."""
    return isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in UNTRUSTED


def handshake_error(url: str, settings: LdapSettings) -> OSError | None:
    """Connect, and agree on TLS if the address has it; return the error (ssl.SSLError, TimeoutError and others).

    libldap reports "Can't contact LDAP server" for a dead host and for a bad certificate. The GnuTLS build of libldap
    2.5 (Debian 12) loops for ever in the TLS handshake of a server that accepts connections and is silent.
    OPT_NETWORK_TIMEOUT does not help (seen; kept by the conformance suite's silent server). So this handshake, with a
    time limit, comes first.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    try:
        with socket.create_connection((host, port), settings.connect_seconds) as plain:
            plain.settimeout(settings.connect_seconds)
            if settings.start_tls:
                plain.sendall(START_TLS)
                plain.recv(4096)
            if settings.start_tls or parts.scheme == "ldaps":
                context = ssl.create_default_context(cafile=settings.ca_file)
                # libldap is no stricter; Python 3.13 made it the default
                context.verify_flags &= ~ssl.VERIFY_X509_STRICT
                context.wrap_socket(plain, server_hostname=host).close()
    except OSError as error:
        return error
    return None


def explain(url: str, error: OSError | None, words: str = "") -> str:
    """Return why an address cannot be used; None if it can be reached. `words` is libldap's own message."""
    match error:
        case None:
            words = words or _("no answer")
            if url.startswith("ldaps:"):
                return _(
                    "{url} agrees on TLS, then breaks off ({words}). Either the server is just "
                    "starting, or the LDAP library refuses a certificate for another name than that "
                    "in urls"
                ).format(url=url, words=words)
            return _("{url} takes connections and does not answer ({words})").format(url=url, words=words)
        case ssl.SSLCertVerificationError():
            known = CERTIFICATE_FAULTS.get(error.verify_code)
            fault = _(known) if known else _("it is not trusted: {why}").format(why=error.verify_message)
            return _("{url} shows a certificate that cannot be accepted: {fault}").format(url=url, fault=fault)
        case ssl.SSLError():
            return _(
                "{url} does not agree on TLS ({why}). ldaps:// needs a port with TLS, mostly 636; "
                "ldap:// with start_tls needs one without, mostly 389"
            ).format(url=url, why=error.reason or error)
        case TimeoutError():
            return _("{url} does not answer in time").format(url=url)
        case _:
            return _("{url} cannot be reached: {why}").format(url=url, why=error.strerror or error)


def refusal_code(refusal: Mapping[str, Any]) -> str:
    """Return the code behind `data` in lower case, or an empty text if the server gives none."""
    found = _CODE.search(str(refusal.get("info", "")))
    return found[1].lower() if found else ""


def refusal_words(refusal: Mapping[str, Any]) -> str:
    """Return the reason for people, or an empty text if the server gives none."""
    given = refusal_code(refusal)
    return _("{words} (data {code})").format(words=_(REFUSALS.get(given, REFUSED)), code=given) if given else ""
