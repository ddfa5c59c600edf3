"""Calls to BottleCRM's REST API: answers as values, refusals as one of the six errors; and the members.

BottleCRM answers 403 to a bad token as well as to a missing right.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import httpx

from config.text import _
from connectors.bottlecrm import wire
from connectors.bottlecrm.settings import BottleCrmSettings
from connectors.bottlecrm.wire import Json, Member, Page, Unreadable
from connectors.contract import AccountId
from connectors.errors import BadCredential, Conflict, ConnectorError, Forbidden, Missing, Unavailable
from connectors.http import Api, Timeouts
from connectors.http_connector import excerpt, json_object

PAGE = 200
"""Rows in one page; the list of projects returns no more (`projects/views.py` MAX_LIMIT)."""
MOST_ROWS = 1_000_000
"""Rows of one list. A server that sends more without end fills the memory."""
PASSES = 5
"""Number of readings of a list that changes meanwhile."""
FEW = 3
"""Members that are looked up by their addresses; a larger number is read from the whole list."""
NO_ORGANIZATION = "Organization context is required"
"""Answers to an unknown, revoked or expired token, and to one of an inactive owner (`rls_context.py`)."""


class ValidationRefused(Conflict):
    """BottleCRM refused with a sentence about the content; nothing happened."""


class ModuleOff(Forbidden):
    """The organization has switched this module off: its records exist and are hidden."""


class Rest:
    """The service user's calls. Safe for use by several threads; nothing is sent before the first call."""

    def __init__(self, settings: BottleCrmSettings) -> None:
        token = settings.token.get_secret_value()
        self._proof = {"Authorization": f"Bearer {token}"}
        self._addresses: dict[AccountId, str] = {}
        self.api = Api(
            settings.url,
            patience=Timeouts(connect=min(3, settings.timeout_seconds), read=settings.timeout_seconds),
            classify=partial(fault, token),
            headers={"Accept": "application/json"},
            authority=settings.authority,
            proxy=settings.proxy,
        )

    def get(self, path: str, query: Mapping[str, str] | None = None, proof: Mapping[str, str] | None = None) -> Json:
        """Read an object. Raises `Unreadable` if the answer is no object."""
        return body(self.api.read("GET", path, params=query or {}, headers=proof or self._proof))

    def write(self, method: str, path: str, content: object = None, proof: Mapping[str, str] | None = None) -> None:
        """Send a change; the answer's content is neither read nor believed."""
        self.api.write(method, path, json=content, headers=proof or self._proof)

    def members(self, accounts: Sequence[AccountId]) -> dict[AccountId, Member]:
        """Read members by profile id; missing ones are not in the answer.

        There is no lookup by id, so known addresses narrow the search.
        """
        wanted = set(accounts)
        found: dict[AccountId, Member] = {}
        if len(wanted) <= FEW:
            for known in wanted & self._addresses.keys():
                found |= {one.id: one for one in self.listed(self._addresses[known]) if one.id in wanted}
        if wanted - found.keys():
            found |= {one.id: one for one in self.listed() if one.id in wanted}
        return found

    def member(self, account: AccountId) -> Member:
        """Read one member. Raises `Missing`."""
        found = self.members([account]).get(account)
        if found is None:
            raise Missing(_("BottleCRM has no member {account}").format(account=account))
        return found

    def listed(self, email: str = "") -> Iterator[Member]:
        """Stream the members, or those whose address contains `email`."""
        query = {"limit": str(PAGE)} | ({"email": email} if email else {})

        def read(offset: int) -> Page:
            return wire.page(self.get("/api/users/", query | {"offset": str(offset)}), wire.USERS)

        for row in read_pages(read, _("the list of members")):
            found = wire.member(row)
            self._addresses[found.id] = found.email
            yield found


def body(response: httpx.Response) -> Json:
    """Return the object in an answer. Raises `Unreadable`."""
    if found := json_object(response):
        return found
    where = f"{response.request.method} {response.request.url.path}"
    raise Unreadable(_("{where}: the answer is not BottleCRM's; is the url right?").format(where=where))


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
            known = len(present)
            for row in page.rows:
                number = wire.identity(row)
                present.add(number)
                if number not in seen:
                    seen.add(number)
                    yield row
            offset += PAGE
            if offset >= page.longest:
                break
            if len(present) == known or len(seen) > MOST_ROWS:
                raise Unavailable(_("{what} does not end, or repeats itself").format(what=what))
        if totals == {len(present)}:
            return
    raise Unavailable(_("{what} keeps changing while it is read").format(what=what))


def fault(token: str, response: httpx.Response) -> ConnectorError | None:
    """Return the error of an answer, or None if the general reading applies."""
    status, said = response.status_code, json_object(response)
    where = f"{response.request.method} {response.request.url.path}"
    if response.is_redirect:
        return Unavailable(_("{where}: redirected ({status}); is the url right?").format(where=where, status=status))
    sentences = (_flat(said[name]) for name in ("detail", "errors", "error") if said.get(name) not in (None, True, ""))
    message = f"{where}: {status}{excerpt(sentences, token)}"
    if status in (401, 403):
        detail = str(said.get("detail", ""))
        invalid = "token_not_valid" in (said.get("code"), detail) or detail.startswith(NO_ORGANIZATION)
        return BadCredential(message) if status == httpx.codes.UNAUTHORIZED or invalid else Forbidden(message)
    if status == httpx.codes.NOT_FOUND:
        return ModuleOff(message) if said.get("code") == "module_off" else Missing(message)
    return ValidationRefused(message) if status == httpx.codes.BAD_REQUEST else None


def _flat(text: object) -> str:
    """Return errors by field as one line."""
    if isinstance(text, Mapping):
        return "; ".join(f"{name}: {_flat(what)}" for name, what in text.items())
    if isinstance(text, list):
        return " ".join(map(_flat, text))
    return str(text)
