"""SCIM filters (RFC 7644, 3.4.2.2). Values are JSON strings: special characters in them are data. Pure."""

import json
from collections.abc import Iterable

from connectors.contract import Person


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
