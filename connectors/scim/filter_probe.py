"""Trying a server's filters on somebody who is known to be there, once, before an empty answer is believed.

Not every server refuses what it does not understand: some answer it with an empty list (Snowflake until its bundle
2026_03, for `or` and for `and`), which would make everybody absent.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from connectors.http import ServerFailed
from connectors.scim import filters
from connectors.scim.faults import RequestRejected
from connectors.scim.service import USERS, Service
from connectors.scim.wire import User, texts

SPELLINGS: Mapping[str, Sequence[str]] = {
    "userName": ("userName",),
    "emails": ("emails.value", "emails"),
    "externalId": ("externalId",),
}
MOST = 200
"""Characters of a value that a filter is tried on: longer ones make addresses that no server takes."""


@dataclass(frozen=True, slots=True)
class FilterSupport:
    """Which filters work here: how each attribute is spelled (empty: not at all), and whether `or` joins them."""

    spelled: Mapping[str, str]
    joined: bool
    exact: bool
    """Whether a filter showed nobody but those whom it should: of what hides its own values, its word is then taken."""
    sure: bool
    """Whether this may be kept; else it was tried on too few people, or while the server was in trouble."""


UNTRIED = FilterSupport({name: ways[0] for name, ways in SPELLINGS.items()}, joined=False, exact=False, sure=False)


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of somebody who is there."""

    attribute: str
    value: str
    identifier: str

    def asked(self, way: str = "") -> str:
        """Return a filter for the value, in other letters where case must not matter: directories write names anyhow.

        Of `externalId` it matters (RFC 7643, 3.1).
        """
        value = self.value if self.attribute == "externalId" else _swapped(self.value)
        return filters.equals(way or SPELLINGS[self.attribute][0], value)


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a trial showed."""

    all: bool
    others: bool = True
    server_failed: bool = False


def probe_filters(service: Service) -> FilterSupport | None:
    """Try the filters on users of the first page; None where there is nobody to try them on."""
    page = next(service.pages(USERS))
    users = [user for user in map(User.read, page.records) if user.id]
    samples = _samples(users)
    if not samples:
        return None
    wanted, there = {sample.identifier for sample in samples}, len({user.id for user in users})
    lacking = [
        filters.equals(ways[0], samples[0].value)
        for name, ways in SPELLINGS.items()
        if name not in {sample.attribute for sample in samples}
    ]  # what nobody has is asked for later, too
    query = filters.any_of([*(sample.asked() for sample in samples), *lacking])
    together = _tried(service, query, wanted)
    if together.all and len(wanted) > 1:
        exact = not together.others and there > len(wanted)
        return FilterSupport({name: ways[0] for name, ways in SPELLINGS.items()}, joined=True, exact=exact, sure=True)
    return _one_by_one(service, samples, there, server_failed=together.server_failed)


def spelling(service: Service, kind: str, ways: Iterable[str], sample: tuple[str, str]) -> str:
    """Return the spelling of an attribute that finds the sample, a value and the id it belongs to; else nothing."""
    value, identifier = sample
    return next((way for way in ways if finds(service, kind, filters.equals(way, value), {identifier})), "")


def finds(service: Service, kind: str, query: str, wanted: set[str]) -> bool:
    """Whether a filter finds all that it should."""
    left = set(wanted)
    try:
        for page in service.pages(kind, query):
            left -= set(_ids(page.records))
            if not left:
                return True
    except RequestRejected:
        return False
    return False


def _one_by_one(service: Service, samples: Sequence[Sample], there: int, *, server_failed: bool) -> FilterSupport:
    """Try each attribute by itself; one that nobody has is taken to work."""
    spelled = {name: ways[0] for name, ways in SPELLINGS.items()}
    exact = there > 1
    for sample in {one.attribute: one for one in samples}.values():
        ways = {way: _tried(service, sample.asked(way), {sample.identifier}) for way in SPELLINGS[sample.attribute]}
        server_failed |= any(found.server_failed for found in ways.values())
        works = next((way for way, found in ways.items() if found.all), "")
        spelled[sample.attribute] = works
        exact &= bool(works) and not ways[works].others
    several = len({sample.identifier for sample in samples}) > 1
    return FilterSupport(spelled, joined=False, exact=exact, sure=several and not server_failed)


def _tried(service: Service, query: str, wanted: set[str]) -> ProbeResult:
    """Say what the first page of an answer shows; a server that fails at a filter does not know it."""
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
    """Return a value of each attribute, and a second userName: that `or` joins is shown by several people alone."""
    names = [Sample("userName", user.login, user.id) for user in reversed(users)]
    mails = [Sample("emails", mail, user.id) for user in users for mail in user.emails[:1]]
    numbers = [Sample("externalId", user.external, user.id) for user in users]
    return [*_usable(names)[:2], *_usable(mails)[:1], *_usable(numbers)[:1]]


def _usable(samples: Iterable[Sample]) -> list[Sample]:
    return [one for one in samples if 0 < len(one.value) <= MOST and one.value.isprintable()]


def _swapped(text: str) -> str:
    """Return a text with its unaccented letters in the other case: of others, not every one has just one other."""
    return "".join(one.swapcase() if one.isascii() else one for one in text)
