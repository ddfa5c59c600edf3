"""The part that the connectors over HTTP share."""

from collections.abc import Iterable, Mapping
from typing import Any

import httpx

from connectors.connections import ConnectionPool
from connectors.contract import Connector, RateLimiter, Recorder
from connectors.http import Api

SHOWN = 200
"""Shown characters of the server's own sentence."""


class HttpConnector(Connector):
    """A connector whose every call goes through one client."""

    _api: Api

    def connections(self) -> ConnectionPool[Any]:
        """Return the pool that every call takes its connection from."""
        return self._api.pool

    def use_rate_limiter(self, pace: RateLimiter) -> None:
        """Ask `pace` before every request, including log-ins, in place of any limit in the settings."""
        self._api.use_rate_limiter(pace)

    def use_recorder(self, recorder: Recorder) -> bool:
        """Record each request, and refuse each that would change something."""
        self._api.use_recorder(recorder)
        return True

    def close(self) -> None:
        """Close the connections."""
        self._api.close()


def json_object(response: httpx.Response) -> Mapping[str, Any]:
    """Return the object in an answer, or an empty one if the answer is anything else."""
    try:
        found = response.json()
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def excerpt(sentences: Iterable[str], secret: str) -> str:
    """Return the beginning of the server's own words on one line, to follow a status.

    Our credential is never shown, even if a server repeats it.
    """
    said = " ".join(sentences)
    text = " ".join((said.replace(secret, "***") if secret else said).split())
    return f", {text[:SHOWN]}" if text else ""
