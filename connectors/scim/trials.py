"""Trying a server's filters on somebody who is known to be there, once, before an empty answer is believed.

Not every server refuses what it does not understand: some answer it with an empty list (Snowflake until its bundle
2026_03, for `or` and for `and`), which would make everybody absent.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from connectors.scim import filters
from connectors.scim.faults import Refused
from connectors.scim.service import USERS, Service
from connectors.scim.wire import User, texts

SPELLINGS: Mapping[str, Sequence[str]] = {
    "userName": ("userName",), "emails": ("emails.value", "emails"), "externalId": ("externalId",),
}


@dataclass(frozen=True, slots=True)
class Trust:
    """Which filters work here: how each attribute is spelled (empty: not at all), and whether `or` joins them."""

    spelled: Mapping[str, str]
    joined: bool


def trust(service: Service) -> Trust | None:
    """Try the filters on users of the first page; None where there is nobody to try them on."""
    page = next(service.pages(USERS))
    users = [user for user in map(User.read, page.records) if user.id]
    samples = {name: found for name in SPELLINGS if (found := _sample(name, users))}
    if not samples:
        return None
    query = filters.any_of(filters.equals(SPELLINGS[name][0], value) for name, (value, _) in samples.items())
    if finds(service, USERS, query, {identifier for _, identifier in samples.values()}):
        return Trust({name: ways[0] for name, ways in SPELLINGS.items()}, joined=True)
    spelled = {name: spelling(service, USERS, ways, samples[name]) if name in samples else ways[0]
               for name, ways in SPELLINGS.items()}
    return Trust(spelled, joined=False)


def spelling(service: Service, kind: str, ways: Iterable[str], sample: tuple[str, str]) -> str:
    """Return the spelling of an attribute that finds the sample, a value and the id it belongs to; else nothing."""
    value, identifier = sample
    return next((way for way in ways if finds(service, kind, filters.equals(way, value), {identifier})), "")


def finds(service: Service, kind: str, query: str, wanted: set[str]) -> bool:
    """Whether a filter finds all that it should."""
    left = set(wanted)
    try:
        for page in service.pages(kind, query):
            left -= {name for record in page.records if isinstance(record, Mapping) for name in texts(record.get("id"))}
            if not left:
                return True
    except Refused:
        return False
    return False


def _sample(attribute: str, users: Sequence[User]) -> tuple[str, str] | None:
    """Return a value and whose it is; userName is taken from the end, so that `or` has several people to find."""
    found = {
        "userName": ((user.login, user.id) for user in reversed(users) if user.login),
        "emails": ((user.emails[0], user.id) for user in users if user.emails),
        "externalId": ((user.external, user.id) for user in users if user.external),
    }
    return next(found[attribute], None)
