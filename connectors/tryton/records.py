"""Records of a client book: rows as records, and the decision and outcome of their moves. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from config.text import _
from connectors.contract import AccountId, Change, Moved, MoveOrder, MoveOutcome, Record, RecordId
from connectors.tryton import wire
from connectors.tryton.owners import OPPORTUNITY, OwnerField, unlinked

KIND = "opportunity"
WORKED_ON = frozenset({"lead", "opportunity"})
"""States of open sales, in which Tryton lets the employee be changed."""
FIELDS = [
    "number",
    "description",
    "party",
    "party.rec_name",
    "party.lang.code",
    "party.categories.name",
    "address.country.code",
    "amount",
    "currency.code",
    "state",
    "employee",
    "company",
]
"""The fields that are read of an opportunity."""
_ID = re.compile(rf"({KIND}|[\w.-]+:\w+):(\d+)", re.ASCII)
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

    row: RecordState
    taker: int


def place(record: RecordId) -> tuple[str, int] | None:
    """Return the owner field, as the settings write it, and the record's number; None if the text is no id."""
    found = _ID.fullmatch(record)
    return (OPPORTUNITY.text if found[1] == KIND else found[1], int(found[2])) if found else None


def record_id(field: OwnerField, number: int) -> RecordId:
    """Return our id of a record. It names model and field, so it stays valid when the settings change."""
    return RecordId(f"{KIND if field == OPPORTUNITY else field.text}:{number}")


def kind(field: OwnerField) -> str:
    """Return the record kind for people: `opportunity`, else the model's last word and the field."""
    return KIND if field == OPPORTUNITY else f"{field.model.rpartition('.')[2]}.{field.name}"


def fields(field: OwnerField) -> list[str]:
    """Return the fields that are read of its records."""
    if field == OPPORTUNITY:
        return FIELDS
    parts = () if field.party is None else ("rec_name", "lang.code", "categories.name")
    own = [name for name, there in (("party", field.party), ("active", field.active), ("state", field.state)) if there]
    own += ["company"] if field.company else []
    return list(dict.fromkeys(["rec_name", field.name, *own, *(f"{field.party}{part}" for part in parts)]))


def record(field: OwnerField, row: Mapping[str, Any], owner: AccountId) -> Record:
    """Return a row as a record. Records of one party are a family; one without a party is its own."""
    if field != OPPORTUNITY:
        return _other(field, row, owner)
    identity = record_id(OPPORTUNITY, row["id"])
    name = row["description"] or f"Opportunity {row['number']}"
    party = row["party."] if row["party"] else None
    fixed = _("{state}: Tryton lets nobody change its employee any more")
    return Record(
        id=identity,
        kind=KIND,
        name=name,
        owner=owner,
        family=f"party:{row['party']}" if party else identity,
        family_name=party["rec_name"] if party else name,
        value=Decimal(row["amount"]["decimal"] if row["amount"] else 0),
        currency=row["currency."]["code"],
        open=row["state"] in WORKED_ON,
        stage=row["state"],
        traits=traits(party or {}, row.get("address.") or {}),
        fixed="" if row["state"] in WORKED_ON else fixed.format(state=row["state"]),
        owner_pool=wire.owner_pool(users=False, company=row["company"]),
    )


def _other(field: OwnerField, row: Mapping[str, Any], owner: AccountId) -> Record:
    """Return a record without a value; only its module knows the states in which work on it goes on."""
    name = row["rec_name"] or f"{field.model} {row['id']}"
    party = row if field.party == "" else (row.get("party.") or {}) if field.party else {}
    return Record(
        id=record_id(field, row["id"]),
        kind=kind(field),
        name=name,
        owner=owner,
        family=f"party:{party['id']}" if party else f"{field.model}:{row['id']}",
        family_name=party["rec_name"] or name if party else name,
        open=row.get("active") is not False,
        stage=(row.get("state") or "") if field.state else "",
        traits=traits(party, {}),
        owner_pool=wire.owner_pool(users=field.users, company=row.get("company")),
    )


def traits(party: Mapping[str, Any], address: Mapping[str, Any]) -> dict[str, str]:
    """Return the party's traits: its categories as segments, its language, the address's country."""
    known = {
        "segment": ";".join(one["name"] for one in party.get("categories.") or ()),
        "language": (party.get("lang.") or {}).get("code") or "",
        "region": (address.get("country.") or {}).get("code") or "",
    }
    return {name: value for name, value in known.items() if value}


def moving_fields(field: OwnerField) -> list[str]:
    """Return the fields that are read of moving records."""
    own = [name for name, there in (("company", field.company), ("state", field.state)) if there]
    return [field.name, *own, "_timestamp"]


def holding(field: OwnerField, row: Mapping[str, Any]) -> RecordState:
    """Return a row of `moving_fields`."""
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
            writes[row.record] = Write(row, found)
    return list(writes.values()), refused


def payload(field: OwnerField, writes: Sequence[Write]) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments and the context of one `write` call for all: ids and values in turn, one pair an owner."""
    groups: dict[int, list[int]] = {}
    for write in writes:
        groups.setdefault(write.taker, []).append(write.row.record)
    arguments = [part for taker, ids in groups.items() for part in (ids, {field.name: taker})]
    rows = [{"id": write.row.record, "_timestamp": write.row.timestamp} for write in writes]
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
        return gone(one)
    if _is_owner(sellers.get(one.successor), one.successor, row):
        return Moved(
            one.record, MoveOutcome.MOVED, one.successor, Change.MADE if row.record in written else Change.ALREADY
        )
    if _is_owner(sellers.get(one.owner), one.owner, row):
        reason = refused.get(row.record, _("Tryton accepted the change and kept the owner"))
        return Moved(one.record, MoveOutcome.REFUSED, one.owner, reason=reason)
    other = next((a for a, s in sellers.items() if row.owner in s.all_owner_ids), None) or name(row.owner)
    return Moved(one.record, MoveOutcome.TAKEN, other)


def gone(one: MoveOrder) -> Moved:
    """Return the outcome of an assignment whose record is missing, or has an id that Tryton cannot have given."""
    return Moved(one.record, MoveOutcome.GONE, None)


def _row(one: MoveOrder, rows: RecordStates) -> RecordState | None:
    found = place(one.record)
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
