"""SCIM filters (RFC 7644, 3.4.2.2). Values are JSON strings: whatever stands in them is data. Pure."""

import json
from collections.abc import Iterable

from connectors.contract import Person

Ways = tuple[str, ...]
"""Ways to ask for the same thing, best first; servers differ in how they spell a value of a list."""


def equals(attribute: str, value: str) -> str:
    """Return a filter for one value."""
    return f"{attribute} eq {json.dumps(value, ensure_ascii=False)}"


def any_of(filters: Iterable[str]) -> str:
    """Return a filter that any of `filters` may match."""
    return " or ".join(filters)


def narrowed(text: str, by: str) -> str:
    """Return a filter that `text` and the operator's own filter must match."""
    return " and ".join(f"({part})" for part in (text, by) if part) if by else text


def having(attribute: str, value: str) -> Ways:
    """Return filters for one value of a list of objects."""
    return equals(f"{attribute}.value", value), equals(attribute, value)


def addresses(person: Person) -> list[Ways]:
    """Return the filters for each address as an address."""
    return [having("emails", email) for email in _said(person.emails)]


def names(person: Person) -> list[Ways]:
    """Return the filters for each log-in and address as `userName`: in many applications the address is the log-in."""
    return [(equals("userName", name),) for name in _said((*person.logins, *person.emails))]


def externals(person: Person) -> list[Ways]:
    """Return the filters for each log-in and address as `externalId`: what the provisioning system calls the person."""
    return [(equals("externalId", name),) for name in _said((*person.logins, *person.emails))]


def _said(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value.strip()))
