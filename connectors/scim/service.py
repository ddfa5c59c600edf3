"""Requests for users and groups of one SCIM service, one at a time or page by page.

The next page is found by its index (RFC 7644, 3.4.2.4) or by a cursor (RFC 9865).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx

from config.text import _
from connectors.credentials import Credential, FixedToken
from connectors.errors import Conflict, Forbidden, Missing, Unavailable
from connectors.http import Api, Timeouts, TokenBucket
from connectors.oauth import AccessTokens
from connectors.scim.faults import NoList, NotJson, RequestRejected, Unsupported, WrongResource, fault
from connectors.scim.settings import ScimSettings
from connectors.scim.wire import Features, Page, User, attributes, following, read_features, read_page, texts

USERS, GROUPS = "/Users", "/Groups"
USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
MOST_RECORDS = 1_000_000
"""Records of one list. A server that sends more without end fills the memory."""
MEDIA = "application/scim+json"

CAPS = frozenset({10, 20, 25, 50, 100, 200, 250, 500, 1000})
"""Most records that servers show in one page, whatever size is requested."""


class Progress:
    """Records read of one list: a record of an earlier page is not counted again."""

    def __init__(self) -> None:
        self.pages, self.seen, self.first = 0, 0, 0
        """Pages, and records; `first`: records of the first page."""
        self._said: int | None = None
        self._again = 0
        self._known: set[int] = set()

    def repeats(self, page: Page) -> bool:
        """Return whether a page has records, none of them new. After page one, a record without an id is not new."""
        keys = _keys(page)
        return bool(self.pages and page.records and not any(key and key not in self._known for key in keys))

    def add(self, page: Page) -> None:
        """Count a page."""
        keys = _keys(page)
        self._again += sum(key in self._known for key in keys)
        self._known.update(key for key in keys if key)
        if not self.pages:
            self._said, self.first = page.total, len(page.records)
        self.pages, self.seen = self.pages + 1, self.seen + len(page.records)

    def may_go_on(self, last: Page) -> bool:
        """Return whether a list may go on after its end by the server's total.

        Some servers send as total the number that they show. A later page ends the list if it is not full.
        """
        if self.pages > 1:
            return len(last.records) >= self.first
        return self.first > 0 and self._said is not None and self._said <= self.first

    def finish(self) -> None:
        """Raise `Unavailable` if pages overlapped or the list shrank, so that an account may be missing."""
        got = self.seen - self._again
        if self._said is not None and got < self._said:
            raise Unavailable(
                _("the list changed while it was read, or repeats itself: {got} of {total} shown").format(
                    got=got, total=self._said
                )
            )


def _keys(page: Page) -> list[int]:
    """Return a number for each record's id, 0 if it has none: a hundred thousand ids must not be stored."""
    ids = (next(texts(one.get("id")), "") if isinstance(one, Mapping) else "" for one in page.records)
    return [(hash(one) or 1) if one else 0 for one in ids]


class Service:
    """One service. Safe for use by several threads; nothing is sent before the first call."""

    def __init__(self, settings: ScimSettings) -> None:
        self._settings, self._credential = settings, _credential(settings)
        rate = settings.requests_per_second
        self.api = Api(
            settings.url,
            patience=Timeouts(connect=settings.connect_seconds, read=settings.request_seconds),
            classify=partial(fault, self._credential),
            limit=TokenBucket(rate, max(1, int(rate))) if rate else None,
            headers={"Accept": f"{MEDIA}, application/json", **settings.headers},
            sign=self._sign,
            renew=self._credential.renew,
            authority=settings.ca_file,
            proxy=settings.proxy,
        )
        self._features: Features | None = None

    def _sign(self, request: httpx.Request) -> httpx.Request:
        proof = f"{self._settings.auth_scheme} {self._credential.token()}".strip()
        request.headers[self._settings.auth_header] = proof
        return request

    def features(self) -> Features:
        """Return the features that the server supports, requested once."""
        if self._features is None:  # two threads may ask at once: better than making all wait for one silent server
            try:
                self._features = read_features(_json(self.api.read("GET", "/ServiceProviderConfig")))
            except (Missing, Forbidden, Conflict, NotJson):  # not every server has it, shows it, or has it right
                self._features = Features()
        return self._features

    def mutability(self, name: str) -> str:
        """Return the mutability of a user's attribute by the server's schema; empty if the schema does not tell."""
        try:
            schema = attributes(_json(self.api.read("GET", f"/Schemas/{quote(USER_SCHEMA)}")))
        except (Missing, Forbidden, Conflict, RequestRejected, NotJson):  # not every server has it, or shows it
            return ""
        rows = schema.get("attributes")
        every = (attributes(row) for row in (rows if isinstance(rows, list) else ()))
        return next((next(texts(row.get("mutability")), "") for row in every if row.get("name") == name), "")

    def user(self, account: str) -> User:
        """Read one user. Raises `Missing`, and `WrongResource` if the answer is about another account or has no id."""
        raw, etag = self.resource(USERS, account)
        user = User.read(raw, etag)
        if user.id != account:
            what = _("another account") if user.id else _("a record without an id")
            raise WrongResource(_("the server answers with {what}").format(what=what))
        return user

    def resource(self, kind: str, identifier: str) -> tuple[object, str]:
        """Read one resource and its ETag. Raises `Missing`."""
        response = self.api.read("GET", _path(kind, identifier))
        return _json(response), response.headers.get("ETag", "")

    def pages(self, kind: str, query: str = "") -> Iterator[Page]:
        """Stream a list, or the matches of a filter, page by page. Raises `Unavailable` if it breaks off."""
        fixed = {"count": str(self._settings.page_size)} | ({"filter": query} if query else {})
        cursor = self._by_cursor()
        step: Mapping[str, str] | None = {"cursor": ""} if cursor else {"startIndex": "1"}
        progress, asked, believed = Progress(), set(), True
        while step is not None:
            page = self._page(kind, fixed | dict(step))
            page = page if believed else replace(page, total=None)
            asked.add(step.get("cursor"))
            if progress.repeats(page) or (page.cursor and page.cursor in asked):
                raise Unavailable(_("GET {kind}: the server gives the same page again and again").format(kind=kind))
            progress.add(page)
            if progress.seen > MOST_RECORDS:
                raise Unavailable(_("GET {kind}: the list does not end").format(kind=kind))
            yield page
            step = following(page, progress.seen, by_cursor=cursor)
            if step is None and not (query or cursor) and progress.may_go_on(page):
                step = self._more(kind, fixed, progress)
                believed = believed and step is None
        if not query:  # a filter may show one twice
            progress.finish()

    def _more(self, kind: str, fixed: Mapping[str, str], progress: Progress) -> Mapping[str, str] | None:
        """Return the request after a list that is complete by its total; None if it really is.

        Some servers send as `totalResults` the number that they show, at most fifty.
        """
        step = {"startIndex": str(progress.seen + 1)}
        try:
            page = self._ask(kind, {**fixed, **step})
        except (Missing, RequestRejected):  # beyond the end, on some servers
            return None
        if not page.records:
            return None
        if not progress.repeats(page):
            return step
        if progress.pages > 1:
            return None  # the last page again, in place of none
        if progress.first in {*CAPS, self._settings.page_size} and len(self._page(kind, {"count": "1"}).records) == 1:
            raise Unavailable(
                _(
                    "GET {kind}: the server shows {count} and sends no second page. The list may be incomplete; "
                    'paging = "cursor" may read on'
                ).format(kind=kind, count=progress.first)
            )
        return None  # the server does not support pages

    def me(self) -> User:
        """Read the account of the token. Raises `Missing`, `Forbidden` or `RequestRejected` if it is not offered."""
        return User.read(_json(self.api.read("GET", "/Me")))

    def sees(self) -> int:
        """Return the number of users that the bot can see, or 1 if the server sends no number. Only no users give 0."""
        begin = {"cursor": ""} if self._by_cursor() else {"startIndex": "1"}
        page = self._page(USERS, begin | {"count": "1"})
        return (page.total or len(page.records)) if page.records else 0

    def seen(self) -> int:
        """Return the same number. Raises `Unavailable` if it is 0: an empty company is not believed."""
        if seen := self.sees():
            return seen
        raise Unavailable(_("the server shows no account at all; that is not believed"))

    def _by_cursor(self) -> bool:
        return self._settings.paging == "cursor" or self.features().cursor

    def write(self, method: str, kind: str, identifier: str, version: str, body: Mapping[str, Any]) -> None:
        """Change parts of a resource (PATCH), or replace it (PUT).

        Raises `RequestRejected`, and `Stale` if it has another version.
        """
        headers = {"Content-Type": MEDIA} | ({"If-Match": version} if version else {})
        self.api.write(method, _path(kind, identifier), json=body, headers=headers)

    def _ask(self, kind: str, params: Mapping[str, str]) -> Page:
        return read_page(_json(self.api.read("GET", kind, params=params)))

    def _page(self, kind: str, params: Mapping[str, str]) -> Page:
        try:
            return self._ask(kind, params)
        except Missing as error:
            if "filter" in params:  # "nobody matches" on some servers, or a filter that they do not support
                raise RequestRejected(str(error)) from error
            # A list may be empty and is never missing: a wrong address, or a failing server.
            raise NoList(
                _("GET {kind}: the server says that it has no such list; is the url right?").format(kind=kind)
            ) from error
        except Unsupported as error:
            if "filter" in params:
                raise
            raise NoList(str(error)) from error


def _credential(settings: ScimSettings) -> Credential:
    if settings.token is not None:
        return FixedToken(settings.token)
    patience = Timeouts(connect=settings.connect_seconds, read=settings.request_seconds)
    return AccessTokens(settings, patience, settings.ca_file, settings.proxy)


def _path(kind: str, identifier: str) -> str:
    if identifier.strip(".") == "":
        raise Missing(_("{identifier!r} is not an id").format(identifier=identifier))
    try:
        return f"{kind}/{quote(identifier, safe='')}"
    except UnicodeEncodeError as error:
        raise Conflict(_("{identifier!r} cannot be used as an id").format(identifier=identifier)) from error


def _json(response: httpx.Response) -> object:
    try:
        answer: object = response.json()
    except (ValueError, RecursionError) as error:
        raise NotJson(
            _("{method} {path}: the answer is not JSON").format(
                method=response.request.method, path=response.request.url.path
            )
        ) from error
    return answer
