"""BottleCRM's refusals as the six errors. It answers 403 to a bad token as well as to a missing right."""

from collections.abc import Mapping
from typing import Any

import httpx

from config.text import _
from connectors.errors import BadCredential, Conflict, ConnectorError, Forbidden, Missing, Unavailable

NO_ORGANIZATION = "Organization context is required"
"""Answers to an unknown, revoked or expired token, and to one of an inactive owner (`rls_context.py`)."""
SHOWN = 200
"""Shown characters of the server's own sentence."""


class ValidationRefused(Conflict):
    """BottleCRM refused with a sentence about the content; nothing happened."""


class ModuleOff(Forbidden):
    """The organization has switched this module off: its records exist and are hidden."""


class Unreadable(Unavailable):
    """The answer is not BottleCRM's, or lacks a part that BottleCRM always sends."""


class Faults:
    """Reads a server's refusals; our token is never shown, even if a server repeats it."""

    def __init__(self, *secrets: str) -> None:
        self._secrets = secrets

    def __call__(self, response: httpx.Response) -> ConnectorError | None:
        """Return the error of an answer, or None if the general reading applies."""
        status, body = response.status_code, _body(response)
        where = f"{response.request.method} {response.request.url.path}"
        if response.is_redirect:
            return Unavailable(
                _("{where}: redirected ({status}); is the url right?").format(where=where, status=status)
            )
        message = f"{where}: {status}{self._said(body)}"
        if status in (401, 403):
            return BadCredential(message) if _is_credential(status, body) else Forbidden(message)
        if status == httpx.codes.NOT_FOUND:
            return ModuleOff(message) if body.get("code") == "module_off" else Missing(message)
        return ValidationRefused(message) if status == httpx.codes.BAD_REQUEST else None

    def _said(self, body: Mapping[str, Any]) -> str:
        parts = [_flat(body[name]) for name in ("detail", "errors", "error") if body.get(name) not in (None, True, "")]
        text = " ".join(" ".join(parts).split())
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return f", {text[:SHOWN]}" if text else ""


def _is_credential(status: int, body: Mapping[str, Any]) -> bool:
    text = str(body.get("detail", ""))
    return (
        status == httpx.codes.UNAUTHORIZED
        or text.startswith(NO_ORGANIZATION)
        or "token_not_valid" in (str(body.get("code", "")), text)
    )


def _body(response: httpx.Response) -> Mapping[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, Mapping) else {}


def _flat(text: object) -> str:
    """Return errors by field as one line."""
    if isinstance(text, Mapping):
        return "; ".join(f"{name}: {_flat(what)}" for name, what in text.items())
    if isinstance(text, list):
        return " ".join(map(_flat, text))
    return str(text)
