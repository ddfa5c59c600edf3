"""All users of a Tryton server, page by page in the order of their ids: a new user is on a page still to come."""

from collections.abc import Iterator

from connectors.contract import Account, AccountId
from connectors.tryton import wire
from connectors.tryton.rpc import Rpc
from connectors.tryton.users import MODEL

PAGE = 1000


def everyone(rpc: Rpc) -> Iterator[Account]:
    """Stream every user, inactive ones included."""
    after = 0
    while True:
        domain = [["id", ">", after], wire.ANY_STATE]
        rows = rpc.read(f"{MODEL}.search_read", domain, 0, PAGE, [["id", "ASC"]], wire.USER_FIELDS)
        if not rows:
            return
        yield from (wire.account(row, "") for row in rows)
        after = rows[-1]["id"]


def locked(rpc: Rpc) -> frozenset[AccountId]:
    """Return the ids of all inactive users."""
    found: set[AccountId] = set()
    after = 0
    while True:
        ids = rpc.read(f"{MODEL}.search", [["id", ">", after], ["active", "=", False]], 0, PAGE, [["id", "ASC"]])
        if not ids:
            return frozenset(found)
        found.update(AccountId(str(number)) for number in ids)
        after = ids[-1]
