"""SCIM filters (RFC 7644, 3.4.2.2). Values are JSON strings: whatever stands in them is data. Pure."""

import json
from collections.abc import Iterable

from connectors.contract import Person


def equals(attribute: str, value: str) -> str:
    """Return a filter for one value."""
    return f"{attribute} eq {json.dumps(value, ensure_ascii=False)}"


def any_of(filters: Iterable[str]) -> str:
    """Return a filter that any of `filters` may match."""
    return " or ".join(filters)


def narrowed(text: str, by: str) -> str:
    """Return a filter that `text` and the operator's own filter must match."""
    return " and ".join(f"({part})" for part in (text, by) if part) if by else text


def terms(person: Person) -> dict[str, list[str]]:
    """Return what to look for in each attribute: log-ins and addresses alike as `userName`, as many use the address."""
    names, mails = _said((*person.logins, *person.emails)), _said(person.emails)
    return {"userName": names, "emails": mails, "externalId": names}


def _said(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value.strip()))
