"""Owners of records in Tryton: an account is a user; its records name the user or one of the user's employees."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.contract import AccountId
from connectors.tryton import wire
from connectors.tryton.owner_fields import EMPLOYEE, OwnerField
from connectors.tryton.rpc import Rpc
from connectors.tryton.users import MODEL, Users

UNLINKED = "employee:"
"""Prefix of an owner without a log-in: an employee without a linked user still owns the record."""


@dataclass(frozen=True, slots=True)
class OwnerIds:
    """The ids by which records may name one account."""

    users: tuple[int, ...]
    employees: tuple[int, ...]

    def of(self, field: OwnerField) -> list[int]:
        """Return the ids that a field may hold."""
        return list(self.users if field.users else self.employees)


class Owners:
    """Conversion between accounts and owners."""

    def __init__(self, rpc: Rpc, users: Users) -> None:
        self._rpc, self._users = rpc, users

    def hands(self, owner: AccountId) -> OwnerIds:
        """Read the owner ids of an account. Raises `Missing`."""
        if owner.startswith(UNLINKED) and owner.removeprefix(UNLINKED).isdecimal():
            return OwnerIds((), (int(owner.removeprefix(UNLINKED)),))
        row = self._users.row(owner)
        return OwnerIds((row["id"],), tuple(row["employees"]))

    def sellers(self, field: OwnerField, accounts: Iterable[AccountId]) -> dict[AccountId, wire.OwnerAccount]:
        """Read accounts as owners by one field; accounts that are no users are not in the answer."""
        numbers = {a: n for a in accounts if (n := wire.user_id(a)) is not None}
        rows = self._users.rows(sorted(set(numbers.values())))
        if field.users:
            return {a: wire.user(rows[n]) for a, n in numbers.items() if n in rows}
        wanted = sorted({employee for row in rows.values() for employee in row["employees"]})
        domain, fields = [["id", "in", wanted]], wire.EMPLOYEE_FIELDS
        read = self._rpc.read(f"{EMPLOYEE}.search_read", domain, 0, None, None, fields)
        today = datetime.now(UTC).date()
        return {
            a: wire.seller(rows[n], [e for e in read if e["id"] in rows[n]["employees"]], today)
            for a, n in numbers.items()
            if n in rows
        }

    def names(self, field: OwnerField, values: Iterable[int | None]) -> Mapping[int, AccountId]:
        """Return the account of each id that a field holds; an employee without a user is named `employee:ID`."""
        wanted = sorted({value for value in values if value is not None})
        if field.users or not wanted:
            return {value: AccountId(str(value)) for value in wanted}
        domain, order = [["employees", "in", wanted], wire.ANY_STATE], [["active", "ASC"], ["id", "DESC"]]
        rows = self._rpc.read(f"{MODEL}.search_read", domain, 0, None, order, ["employees"])
        linked = {employee: AccountId(str(row["id"])) for row in rows for employee in row["employees"]}
        return {value: linked.get(value, unlinked(field, value)) for value in wanted}


def unlinked(field: OwnerField, value: int) -> AccountId:
    """Return the name of an id in a field for which no account is known."""
    return AccountId(f"user:{value}" if field.users else f"{UNLINKED}{value}")
