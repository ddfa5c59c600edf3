"""All users at once, page by page. A list that breaks off raises an error; it never ends early."""

from collections.abc import Iterator

from config.text import _
from connectors.contract import Account, AccountId, Verdict
from connectors.errors import Conflict
from connectors.scim import wire
from connectors.scim.service import USERS, Service


def everyone(service: Service, user_filter: str) -> Iterator[Account]:
    """Stream every user; records without an id are left out, as later calls could not read them.

    Raises `Conflict` if the list leaves `active` out of its first page, as no account then has a verdict.
    """
    if user_filter and not service.features().filter:
        raise Conflict(_("user_filter is set, and this server supports no filters"))
    for number, page in enumerate(service.pages(USERS, user_filter)):
        users = [wire.User.read(record) for record in page.records]
        if users and not number and not any("active" in user.raw for user in users):
            raise Conflict(_("the server's list does not say who is active"))
        yield from (wire.account(user, "") for user in users if user.id)


def locked(service: Service, user_filter: str) -> frozenset[AccountId]:
    """Return the ids of all inactive users. No filter on `active` is used: few servers answer it correctly."""
    return frozenset(one.id for one in everyone(service, user_filter) if one.verdict is Verdict.LOCKED)
