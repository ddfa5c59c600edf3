"""SCIM filters (RFC 7644, 3.4.2.2), and a test of a server's filters before an empty answer is believed.

Values are JSON strings: special characters in them are data. Some servers answer a filter that they do not understand
with an empty list (Snowflake until its bundle 2026_03, for `or` and for `and`). Every account would then look absent.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from connectors.contract import Person
from connectors.http import ServerFailed
from connectors.scim.faults import RequestRejected
from connectors.scim.service import USERS, Service
from connectors.scim.wire import User, texts

SPELLINGS: Mapping[str, Sequence[str]] = {
    "userName": ("userName",),
    "emails": ("emails.value", "emails"),
    "externalId": ("externalId",),
}
MOST = 200
"""Most characters of a test value: longer ones make addresses that no server accepts."""


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
    exact: bool
    """True if a filter showed only the expected users. Matches with hidden values are then believed."""
    sure: bool
    """True if the result may be kept; false after a test on too few people, or during a server failure."""


UNTRIED = FilterSupport({name: ways[0] for name, ways in SPELLINGS.items()}, joined=False, exact=False, sure=False)


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

    all: bool
    others: bool = True
    server_failed: bool = False


def probe_filters(service: Service) -> FilterSupport | None:
    """Test the filters on users of the first page; None if the page has no users."""
    users = [user for user in next(service.pages(USERS)).users if user.id]
    samples = _samples(users)
    if not samples:
        return None
    wanted, known_users = {sample.identifier for sample in samples}, len({user.id for user in users})
    lacking = [
        equals(ways[0], samples[0].value)
        for name, ways in SPELLINGS.items()
        if name not in {sample.attribute for sample in samples}
    ]  # attributes that no user has are asked for later, too
    together = _tried(service, any_of([*(sample.asked() for sample in samples), *lacking]), wanted)
    if together.all and len(wanted) > 1:
        exact = not together.others and known_users > len(wanted)
        return replace(UNTRIED, joined=True, exact=exact, sure=True)
    return _one_by_one(service, samples, known_users, server_failed=together.server_failed)


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


def _one_by_one(service: Service, samples: Sequence[Sample], known_users: int, *, server_failed: bool) -> FilterSupport:
    """Try each attribute by itself; one that no user has is assumed to work."""
    spelled = {name: ways[0] for name, ways in SPELLINGS.items()}
    exact = known_users > 1
    for sample in {one.attribute: one for one in samples}.values():
        ways = {way: _tried(service, sample.asked(way), {sample.identifier}) for way in SPELLINGS[sample.attribute]}
        server_failed |= any(found.server_failed for found in ways.values())
        works = next((way for way, found in ways.items() if found.all), "")
        spelled[sample.attribute] = works
        exact &= bool(works) and not ways[works].others
    several = len({sample.identifier for sample in samples}) > 1
    return FilterSupport(spelled, joined=False, exact=exact, sure=several and not server_failed)


def _tried(service: Service, query: str, wanted: set[str]) -> ProbeResult:
    """Judge the first page of an answer; a server that fails at a filter does not support it."""
    try:
        shown = set(_ids(next(service.pages(USERS, query)).records))
    except RequestRejected:
        return ProbeResult(all=False)
    except ServerFailed:
        return ProbeResult(all=False, server_failed=True)
    return ProbeResult(wanted <= shown, bool(shown - wanted))


def _ids(records: Iterable[object]) -> Iterator[str]:
    return (name for record in records if isinstance(record, Mapping) for name in texts(record.get("id")))


def _samples(users: Sequence[User]) -> list[Sample]:
    """Return one value of each attribute, and a second userName: testing `or` takes several people."""
    return [
        *_usable(Sample("userName", user.login, user.id) for user in reversed(users))[:2],
        *_usable(Sample("emails", mail, user.id) for user in users for mail in user.emails[:1])[:1],
        *_usable(Sample("externalId", user.external, user.id) for user in users)[:1],
    ]


def _usable(samples: Iterable[Sample]) -> list[Sample]:
    return [one for one in samples if 0 < len(one.value) <= MOST and one.value.isprintable()]


def _swapped(text: str) -> str:
    """Return a text with the case of its unaccented letters swapped: some other letters have no single counterpart."""
    return "".join(one.swapcase() if one.isascii() else one for one in text)
