"""The one table from libldap's exceptions to the six errors."""

from typing import Any

import ldap

from config.text import N_, _
from connectors.errors import BadCredential, Conflict, ConnectorError, Forbidden, Missing, Unavailable

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


NOT_NOW: tuple[type[Exception], ...] = (ldap.BUSY, ldap.UNAVAILABLE)
"""Errors of a server that serves no requests now; another address may."""


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
