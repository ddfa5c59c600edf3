"""The requests: users and groups of one SCIM service, one at a time or page by page."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from config.text import _
from connectors.contract import Pace
from connectors.errors import Conflict, Forbidden, Missing, Unavailable
from connectors.http import Api, Patience, TokenBucket
from connectors.scim.faults import Faults
from connectors.scim.features import Features, read_features
from connectors.scim.paging import Page, following, read_page
from connectors.scim.settings import ScimSettings
from connectors.scim.wire import User, patch

USERS, GROUPS = "/Users", "/Groups"
MEDIA = "application/scim+json"


class Service:
    """One service. Safe for use by several threads; nothing is sent before the first call."""

    def __init__(self, settings: ScimSettings) -> None:
        self._settings = settings
        rate = settings.requests_per_second
        self._api = Api(
            settings.url,
            patience=Patience(connect=settings.connect_seconds, read=settings.request_seconds),
            classify=Faults(settings.token),
            limit=TokenBucket(rate, max(1, int(rate))) if rate else None,
            headers={"Accept": f"{MEDIA}, application/json", **settings.headers},
            sign=self._sign,
            authority=settings.ca_file,
        )
        self._features: Features | None = None

    def _sign(self, request: httpx.Request) -> httpx.Request:
        proof = f"{self._settings.auth_scheme} {self._settings.token.get_secret_value()}".strip()
        request.headers[self._settings.auth_header] = proof
        return request

    def keep_pace(self, pace: Pace) -> None:
        """Ask `pace` before every call, in place of `requests_per_second`."""
        self._api.keep_pace(pace)

    def close(self) -> None:
        """Give up the connections."""
        self._api.close()

    def features(self) -> Features:
        """Return what the server supports, asked for once."""
        if self._features is None:  # two threads may ask at once: better than all waiting for one silent server
            self._features = self._discover()
        return self._features

    def user(self, account: str) -> User:
        """Read one user. Raises `Missing`."""
        raw, etag = self.resource(USERS, account)
        return User.read(raw, etag)

    def resource(self, kind: str, identifier: str) -> tuple[object, str]:
        """Read one resource and its ETag. Raises `Missing`."""
        response = self._api.read("GET", _path(kind, identifier))
        return _json(response), response.headers.get("ETag", "")

    def pages(self, kind: str, query: str = "") -> Iterator[Page]:
        """Stream a list, or what matches a filter, page by page. Raises `Unavailable` where it breaks off."""
        fixed = {"count": str(self._settings.page_size)} | ({"filter": query} if query else {})
        cursor = self.features().cursor
        step: Mapping[str, str] | None = {"cursor": ""} if cursor else {"startIndex": "1"}
        seen, head, asked = 0, "", set()
        while step is not None:
            page = self._page(kind, fixed | dict(step))
            if page.records and page.head == head:
                raise Unavailable(_("GET {kind}: the server gives the same page again and again").format(kind=kind))
            yield page
            asked.add(step.get("cursor"))
            seen, head = seen + len(page.records), page.head
            step = following(page, seen, by_cursor=cursor)
            if step and step.get("cursor") in asked - {None}:
                raise Unavailable(_("GET {kind}: the server gives the same page again and again").format(kind=kind))

    def me(self) -> object:
        """Read the account that the token belongs to. Raises `Missing`, `Forbidden` or `Refused` where not offered."""
        return _json(self._api.read("GET", "/Me"))

    def total(self) -> int | None:
        """Return how many users the server says there are; None where it does not say."""
        return next(self.pages(USERS)).total or None

    def sees(self) -> int:
        """Return how many users the bot can see, or 1 where the server does not say how many; 0 only for none."""
        page = self._page(USERS, {"startIndex": "1", "count": "1"} if not self.features().cursor else {"count": "1"})
        return page.total or len(page.records)

    def patch(self, kind: str, identifier: str, version: str, *operations: Mapping[str, Any]) -> None:
        """Change parts of a resource. Raises `Refused`, and `Stale` where it has another version."""
        self._write("PATCH", kind, identifier, version, patch(*operations))

    def replace(self, kind: str, identifier: str, version: str, resource: Mapping[str, Any]) -> None:
        """Put a whole resource in the place of what is there. Raises as `patch` does."""
        self._write("PUT", kind, identifier, version, resource)

    def _write(self, method: str, kind: str, identifier: str, version: str, body: Mapping[str, Any]) -> None:
        headers = {"Content-Type": MEDIA} | ({"If-Match": version} if version else {})
        self._api.write(method, _path(kind, identifier), json=body, headers=headers)

    def _discover(self) -> Features:
        try:
            return read_features(self._api.read("GET", "/ServiceProviderConfig").json())
        except (Missing, Forbidden, Conflict, ValueError):  # not every server has it, or shows it, or has it right
            return Features()

    def _page(self, kind: str, params: Mapping[str, str]) -> Page:
        try:
            return read_page(_json(self._api.read("GET", kind, params=params)))
        except Missing as error:  # a list may be empty and is never missing: a wrong address, or a server in trouble
            raise Unavailable(_("GET {kind}: the server says that it has no such list; is the url right?").format(
                kind=kind
            )) from error


def _path(kind: str, identifier: str) -> str:
    if identifier.strip(".") == "":
        raise Missing(_("{identifier!r} is not an id").format(identifier=identifier))
    return f"{kind}/{quote(identifier, safe='')}"


def _json(response: httpx.Response) -> object:
    try:
        answer: object = response.json()
    except ValueError as error:
        raise Unavailable(_("{method} {path}: the answer is not JSON").format(
            method=response.request.method, path=response.request.url.path
        )) from error
    return answer
