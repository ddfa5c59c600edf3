"""Decision and outcome of a batch of moves, from the reads before and after the write. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.text import _
from connectors.contract import AccountId, Change, Moved, MoveOrder, MoveOutcome
from connectors.tryton import records, wire
from connectors.tryton.owner_fields import OwnerField
from connectors.tryton.owners import unlinked

OwnerAccounts = Mapping[AccountId, wire.OwnerAccount]


@dataclass(frozen=True, slots=True)
class RecordState:
    """A record as a read shows it."""

    record: int
    owner: int | None
    """The employee or user whom it names."""
    unlinked: str
    """Name of that owner if no account is known for it."""
    company: int | None
    timestamp: str
    state: str


RecordStates = Mapping[int, RecordState]


@dataclass(frozen=True, slots=True)
class Write:
    """Give one record to an employee or user, unless it was written since it was read."""

    record: int
    taker: int
    timestamp: str
    state: str
    owner: int
    """The owner until the write."""


def fields(field: OwnerField) -> list[str]:
    """Return the fields that are read of moving records."""
    own = [name for name, there in (("company", field.company), ("state", field.state)) if there]
    return [field.name, *own, "_timestamp"]


def holding(field: OwnerField, row: Mapping[str, Any]) -> RecordState:
    """Return a row of `fields`."""
    owner = row[field.name]
    named = "" if owner is None else str(unlinked(field, owner))
    return RecordState(row["id"], owner, named, row.get("company"), row["_timestamp"], row.get("state") or "")


def decide(
    batch: Sequence[MoveOrder], rows: RecordStates, sellers: OwnerAccounts
) -> tuple[list[Write], dict[int, str]]:
    """Return the writes, and the reasons for records that are not written; others are gone, taken or already moved."""
    writes: dict[int, Write] = {}
    refused: dict[int, str] = {}
    for one in batch:
        row = _row(one, rows)
        if row is None or row.owner is None or row.record in writes:
            continue
        if not _is_owner(sellers.get(one.owner), one.owner, row):
            continue
        found = _taker(one.successor, sellers.get(one.successor), row.company)
        if isinstance(found, str):
            refused[row.record] = found
        elif row.owner != found:
            writes[row.record] = Write(row.record, found, row.timestamp, row.state, row.owner)
    return list(writes.values()), refused


def payload(field: OwnerField, writes: Sequence[Write]) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments and the context of one `write` call for all: ids and values in turn, one pair an owner."""
    groups: dict[int, list[int]] = {}
    for write in writes:
        groups.setdefault(write.taker, []).append(write.record)
    arguments = [part for taker, ids in groups.items() for part in (ids, {field.name: taker})]
    rows = [{"id": write.record, "_timestamp": write.timestamp} for write in writes]
    return arguments, wire.unchanged(field.model, rows)


def report(
    one: MoveOrder,
    rows: RecordStates,
    sellers: OwnerAccounts,
    refused: Mapping[int, str],
    written: set[int],
    name: Callable[[int | None], AccountId | None],
) -> Moved:
    """Return the outcome of one assignment, from the read after the write."""
    row = _row(one, rows)
    if row is None:
        return Moved(one.record, MoveOutcome.GONE, None)
    if _is_owner(sellers.get(one.successor), one.successor, row):
        change = Change.MADE if row.record in written else Change.ALREADY
        return Moved(one.record, MoveOutcome.MOVED, one.successor, change)
    if _is_owner(sellers.get(one.owner), one.owner, row):
        reason = refused.get(row.record, _("Tryton accepted the change and kept the owner"))
        return Moved(one.record, MoveOutcome.REFUSED, one.owner, reason=reason)
    other = next((a for a, s in sellers.items() if row.owner in s.all_owner_ids), None) or name(row.owner)
    return Moved(one.record, MoveOutcome.TAKEN, other)


def gone(one: MoveOrder) -> Moved:
    """Return the outcome of an assignment whose record id Tryton cannot have given."""
    return Moved(one.record, MoveOutcome.GONE, None)


def _row(one: MoveOrder, rows: RecordStates) -> RecordState | None:
    found = records.place(one.record)
    return rows.get(found[1]) if found else None


def _is_owner(seller: wire.OwnerAccount | None, account: AccountId, row: RecordState) -> bool:
    if row.owner is None:
        return False
    return row.owner in seller.all_owner_ids if seller else account == row.unlinked


def _taker(account: AccountId, seller: wire.OwnerAccount | None, company: int | None) -> int | str:
    """Return the new owner id: the successor's employee in the record's company, or the reason why there is none."""
    if seller is None:
        return _("Tryton has no user {account}").format(account=account)
    if not seller.active:
        return _("{name} is inactive").format(name=seller.name)
    fitting = [hand for hand, where in seller.hands.items() if company is None or where in (company, None)]
    if fitting:
        return fitting[-1]
    if company is None:
        return _("{name} is no employee").format(name=seller.name)
    return _("{name} is no employee of the record's company").format(name=seller.name)
