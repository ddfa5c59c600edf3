"""What a batch of moves comes to, decided from what was read, and told from what was read again. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.text import _
from connectors.contract import AccountId, Assignment, Change, Moved, MoveOutcome
from connectors.tryton import wire

Rows = Mapping[int, Mapping[str, Any]]
Sellers = Mapping[AccountId, wire.Seller]


@dataclass(frozen=True, slots=True)
class Write:
    """Give one opportunity to an employee, unless it was written since it was read."""

    record: int
    employee: int
    timestamp: str
    state: str
    owner: int
    """The employee who has it until then."""


def decide(batch: Sequence[Assignment], rows: Rows, sellers: Sellers) -> tuple[list[Write], dict[int, str]]:
    """Return what to write, and for records that are not written why; others are gone, taken or moved already."""
    writes: dict[int, Write] = {}
    refused: dict[int, str] = {}
    for one in batch:
        row = rows.get(wire.record_number(one.record) or 0)
        if row is None or row["id"] in writes or not _is_owner(sellers.get(one.owner), one.owner, row["employee"]):
            continue
        found = _employee_for(one.successor, sellers.get(one.successor), row["company"])
        if isinstance(found, str):
            refused[row["id"]] = found
        elif row["employee"] != found:
            writes[row["id"]] = Write(row["id"], found, row["_timestamp"], row["state"], row["employee"])
    return list(writes.values()), refused


def payload(writes: Sequence[Write]) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments and the context of one `write` call for all: ids and values by turns, one pair an owner."""
    groups: dict[int, list[int]] = {}
    for write in writes:
        groups.setdefault(write.employee, []).append(write.record)
    arguments = [part for employee, ids in groups.items() for part in (ids, {"employee": employee})]
    rows = [{"id": write.record, "_timestamp": write.timestamp} for write in writes]
    return arguments, wire.unchanged("sale.opportunity", rows)


def report(
    one: Assignment, rows: Rows, sellers: Sellers, refused: Mapping[int, str], written: set[int],
    name: Callable[[int | None], AccountId | None],
) -> Moved:
    """Return what became of one assignment, from the read after the write."""
    row = rows.get(wire.record_number(one.record) or 0)
    if row is None:
        return Moved(one.record, MoveOutcome.GONE, None)
    employee = row["employee"]
    if _is_owner(sellers.get(one.successor), one.successor, employee):
        change = Change.MADE if row["id"] in written else Change.ALREADY
        return Moved(one.record, MoveOutcome.MOVED, one.successor, change)
    if _is_owner(sellers.get(one.owner), one.owner, employee):
        reason = refused.get(row["id"], _("Tryton took the change and kept the owner"))
        return Moved(one.record, MoveOutcome.REFUSED, one.owner, reason=reason)
    other = next((a for a, s in sellers.items() if employee in s.all_employees), None) or name(employee)
    return Moved(one.record, MoveOutcome.TAKEN, other)


def _is_owner(seller: wire.Seller | None, account: AccountId, employee: int | None) -> bool:
    if employee is None:
        return False
    return employee in seller.all_employees if seller else account == f"employee:{employee}"


def _employee_for(account: AccountId, seller: wire.Seller | None, company: int) -> int | str:
    """Return the successor's employee in the record's company, or why there is none."""
    if seller is None:
        return _("Tryton has no user {account}").format(account=account)
    if not seller.active:
        return _("{name} is inactive").format(name=seller.name)
    fitting = [employee for employee, where in seller.employees.items() if where == company]
    return fitting[-1] if fitting else _("{name} is no employee of the record's company").format(name=seller.name)
