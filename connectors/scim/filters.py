"""SCIM filters (RFC 7644, 3.4.2.2), and a test of a server's filters before an empty answer is believed.

Values are JSON strings: special characters in them are data. Some servers answer a filter that they do not understand
with an empty list (Snowflake until its bundle 2026_03, for `or` and for `and`). Every account would then look absent.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from connectors.contract import Person
from connectors.http import ServerFailed
from connectors.scim.faults import RequestRejected
from connectors.scim.service import USERS, Service
from connectors.scim.wire import User, attributes, texts

SPELLINGS: Mapping[str, Sequence[str]] = {
    "userName": ("userName",),
    "emails": ("emails.value", "emails"),
    "externalId": ("externalId",),
}
MOST = 200
"""Most characters of a test value: longer ones make addresses that no server accepts."""
PLAIN = frozenset("@._-")
"""Characters beside ASCII's letters and digits that every server reads correctly."""


def equals(attribute: str, value: str) -> str:
    """Return a filter for one value."""
    return f"{attribute} eq {json.dumps(value, ensure_ascii=False)}"


def any_of(filters: Iterable[str]) -> str:
    """Return a filter that requires any of `filters`."""
    return " or ".join(filters)


def narrowed(text: str, by: str) -> str:
    """Return a filter that requires `text` and the operator's own filter."""
    return " and ".join(f"({part})" for part in (text, by) if part) if by else text


def terms(person: Person) -> dict[str, list[str]]:
    """Return the search values of each attribute.

    `userName` gets log-ins and addresses, as many services use the address.
    """
    names, mails = _said((*person.logins, *person.emails)), _said(person.emails)
    return {"userName": names, "emails": mails, "externalId": names}


def _said(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value.strip()))


@dataclass(frozen=True, slots=True)
class FilterSupport:
    """Working filters: each attribute's spelling (empty: no filter), and whether `or` joins them."""

    spelled: Mapping[str, str]
    joined: bool
    sure: bool
    """True if the result may be kept; false after a test on too few people, or during a server failure."""


UNTRIED = FilterSupport({name: ways[0] for name, ways in SPELLINGS.items()}, joined=False, sure=False)


@dataclass(frozen=True, slots=True)
class Sample:
    """One attribute value of an existing user."""

    attribute: str
    value: str
    identifier: str

    def asked(self, way: str = "") -> str:
        """Return a filter for the value, with its case swapped if case must not matter.

        Directories write names in any case. The case of `externalId` matters (RFC 7643, 3.1).
        """
        value = self.value if self.attribute == "externalId" else _swapped(self.value)
        return equals(way or SPELLINGS[self.attribute][0], value)


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The result of a test."""

    works: bool
    """True if exactly the expected users were shown."""
    server_failed: bool = False


def probe_filters(service: Service) -> FilterSupport | None:
    """Test the filters on users of the first page; None if the page has no users."""
    users = [user for user in next(service.pages(USERS)).users if user.id]
    samples = _samples(users)
    if not samples:
        return None
    wanted = {sample.identifier for sample in samples}
    lacking = [
        equals(ways[0], samples[0].value)
        for name, ways in SPELLINGS.items()
        if name not in {sample.attribute for sample in samples}
    ]  # attributes that no user has are asked for later, too
    together = _tried(service, any_of([*(sample.asked() for sample in samples), *lacking]), wanted)
    if together.works and len(wanted) > 1 and _finds_nobody(service):
        return replace(UNTRIED, joined=True, sure=True)
    return _one_by_one(service, samples, server_failed=together.server_failed)


def proves(service: Service, known: FilterSupport, value: str) -> bool:
    """Return whether the filters find a known account now, by a value with the same special characters.

    A server that decodes addresses twice finds no `+`. A user of the first page is the control.
    """
    needed = special(value)
    users = [user for user in next(service.pages(USERS)).users if user.id]
    controls = [one for one in _values(users) if known.spelled[one.attribute] and needed <= special(one.value)]
    return any(
        _tried(service, one.asked(known.spelled[one.attribute]), {one.identifier}).works
        for one in _usable(controls)[:1]
    )


def special(value: str) -> frozenset[str]:
    """Return the characters that a server may lose on the way from the address to its filter."""
    return frozenset(one for one in value if not (one.isascii() and (one.isalnum() or one in PLAIN)))


def spelling(service: Service, kind: str, ways: Iterable[str], sample: tuple[str, str]) -> str:
    """Return the attribute's spelling that finds the sample (a value and its id); else nothing."""
    value, identifier = sample
    return next((way for way in ways if finds(service, kind, equals(way, value), {identifier})), "")


def finds(service: Service, kind: str, query: str, wanted: set[str]) -> bool:
    """Return whether a filter finds everything that it should."""
    left = set(wanted)
    try:
        for page in service.pages(kind, query):
            left -= set(_ids(page.records))
            if not left:
                return True
    except RequestRejected:
        return False
    return False


def _one_by_one(service: Service, samples: Sequence[Sample], *, server_failed: bool) -> FilterSupport:
    """Try each attribute by itself; one that no user has is assumed to work if the others do."""
    spelled = {name: ways[0] for name, ways in SPELLINGS.items()}
    for sample in {one.attribute: one for one in samples}.values():
        ways = {way: _tried(service, sample.asked(way), {sample.identifier}) for way in SPELLINGS[sample.attribute]}
        server_failed |= any(found.server_failed for found in ways.values())
        spelled[sample.attribute] = next((way for way, found in ways.items() if found.works), "")
    if not _finds_nobody(service):
        spelled = dict.fromkeys(spelled, "")
    several = len({sample.identifier for sample in samples}) > 1
    return FilterSupport(spelled, joined=False, sure=several and not server_failed)


def _finds_nobody(service: Service) -> bool:
    """Return whether the server finds no user for a made-up log-in: one that ignores filters shows everybody."""
    try:
        return not next(service.pages(USERS, equals("userName", uuid4().hex))).records
    except RequestRejected:  # 404 for "nobody" on some servers
        return True
    except ServerFailed:
        return False


def _tried(service: Service, query: str, wanted: set[str]) -> ProbeResult:
    """Judge the first page of an answer; a server that fails at a filter does not support it."""
    try:
        shown = set(_ids(next(service.pages(USERS, query)).records))
    except RequestRejected:
        return ProbeResult(works=False)
    except ServerFailed:
        return ProbeResult(works=False, server_failed=True)
    return ProbeResult(shown == wanted)


def _ids(records: Iterable[object]) -> Iterator[str]:
    return (name for record in records for name in texts(attributes(record).get("id")))


def _values(users: Iterable[User]) -> Iterator[Sample]:
    for user in users:
        yield Sample("userName", user.login, user.id)
        yield from (Sample("emails", mail, user.id) for mail in user.emails)
        yield Sample("externalId", user.external, user.id)


def _samples(users: Sequence[User]) -> list[Sample]:
    """Return one value of each attribute, and a second userName: testing `or` takes several people."""
    by_name = {name: _usable(one for one in _values(users) if one.attribute == name) for name in SPELLINGS}
    return [*by_name["userName"][:-3:-1], *by_name["emails"][:1], *by_name["externalId"][:1]]


def _usable(samples: Iterable[Sample]) -> list[Sample]:
    return [one for one in samples if 0 < len(one.value) <= MOST and one.value.isprintable()]


def _swapped(text: str) -> str:
    """Return a text with the case of its unaccented letters swapped: some other letters have no single counterpart."""
    return "".join(one.swapcase() if one.isascii() else one for one in text)
