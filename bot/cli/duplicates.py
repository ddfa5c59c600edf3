"""Two configured systems that are one: the same server under two names, or one base of a directory twice."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from pydantic import BaseModel

from bot.text import _

PORTS = {"ldap": 389, "ldaps": 636, "http": 80, "https": 443}
FOLDERS = ("base_dn",)
TENANTS = ("database",)
"""Settings that tell two sets of accounts on one server apart."""


def alike(settings: BaseModel, others: Mapping[str, BaseModel]) -> tuple[str, str] | None:
    """Return the name of another system that seems to be the same, and why; None if there is none."""
    for name, other in others.items():
        if type(other) is type(settings) and (why := _same(settings, other)):
            return name, why
    return None


def _same(one: BaseModel, other: BaseModel) -> str:
    for key in FOLDERS:
        first, second = (_folder(str(getattr(settings, key, ""))) for settings in (one, other))
        if first and second:
            inner, outer = max(first, second, key=len), min(first, second, key=len)
            if inner == outer or inner.endswith(f",{outer}"):
                return _("both have {key} {value}").format(key=key, value=outer)
            return ""
    if any(getattr(one, key, None) != getattr(other, key, None) for key in TENANTS):
        return ""
    shared = set(_places(one)) & set(_places(other))
    return _("both are at {address}").format(address=min(shared)) if shared else ""


def _folder(dn: str) -> str:
    """Return a DN in one form."""
    return ",".join(part.strip().casefold() for part in dn.split(",")) if dn else ""


def _places(settings: BaseModel) -> Iterator[str]:
    """Yield the addresses of a system by name and by number, each with its port and path."""
    for url in (*getattr(settings, "urls", ()), *filter(None, [getattr(settings, "url", "")])):
        parts = urlsplit(str(url))
        host, port = (parts.hostname or "").casefold(), parts.port or PORTS.get(parts.scheme, 0)
        path = parts.path.rstrip("/")
        yield f"{host}:{port}{path}"
        with suppress(OSError, UnicodeError):  # a name that is not found is the same as none
            for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                yield f"{found[4][0]}:{port}{path}"
