"""Calls to BottleCRM's REST API: answers as values, refusals as one of the six errors."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

from config.text import _
from connectors.bottlecrm import wire
from connectors.bottlecrm.faults import Faults, Unreadable
from connectors.bottlecrm.settings import BottleCrmSettings
from connectors.bottlecrm.wire import Json, Page
from connectors.contract import Connections, RateLimiter
from connectors.errors import Unavailable
from connectors.http import Api, Timeouts

PAGE = 200
"""Rows in one page; the list of projects returns no more (`projects/views.py` MAX_LIMIT)."""
PASSES = 5
"""Number of readings of a list that changes meanwhile."""


class Rest:
    """The service user's calls. Safe for use by several threads; nothing is sent before the first call."""

    def __init__(self, settings: BottleCrmSettings) -> None:
        token = settings.token.get_secret_value()
        self._proof = {"Authorization": f"Bearer {token}"}
        self._api = Api(
            settings.url,
            patience=Timeouts(connect=min(3, settings.timeout_seconds), read=settings.timeout_seconds),
            classify=Faults(token),
            headers={"Accept": "application/json"},
            authority=settings.authority,
        )

    def get(self, path: str, query: Mapping[str, str] | None = None, proof: Mapping[str, str] | None = None) -> Json:
        """Read an object. Raises `Unreadable` if the answer is no object."""
        return body(self._api.read("GET", path, params=query or {}, headers=proof or self._proof))

    def write(self, method: str, path: str, content: object = None, proof: Mapping[str, str] | None = None) -> None:
        """Send a change; the answer's content is neither read nor believed."""
        self._api.write(method, path, json=content, headers=proof or self._proof)

    def post_bare(self, path: str, content: object) -> httpx.Response:
        """Send a request whose content alone authenticates it."""
        return self._api.write("POST", path, json=content)

    def connections(self) -> Connections:
        """Return the pool that every call takes its connection from."""
        return self._api.pool

    def use_rate_limiter(self, pace: RateLimiter) -> None:
        """Ask `pace` before every call."""
        self._api.use_rate_limiter(pace)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()


def body(response: httpx.Response) -> Json:
    """Return the object in an answer. Raises `Unreadable`."""
    where = f"{response.request.method} {response.request.url.path}"
    try:
        found: Any = response.json()
    except ValueError as error:
        raise Unreadable(_("{where}: the answer is not BottleCRM's; is the url right?").format(where=where)) from error
    if not isinstance(found, dict):
        raise Unreadable(_("{where}: the answer is not BottleCRM's").format(where=where))
    return found


def read_pages(read: Callable[[int], Page], what: str) -> Iterator[Json]:
    """Stream each row of a list once, even if the list changes meanwhile.

    Pages by offset shift while records come and go. So a list is read again for missed rows.
    It is complete if one reading has the same total on every page, and as many rows as that total. Raises
    `Unavailable` if the list never stops changing.
    """
    seen: set[str] = set()
    for _pass in range(PASSES):
        offset, totals, present = 0, set[int](), set[str]()
        while True:
            page = read(offset)
            totals.add(page.total)
            for row in page.rows:
                number = wire.identity(row)
                present.add(number)
                if number not in seen:
                    seen.add(number)
                    yield row
            offset += PAGE
            if offset >= page.longest:
                break
        if totals == {len(present)}:
            return
    raise Unavailable(_("{what} keeps changing while it is read").format(what=what))
