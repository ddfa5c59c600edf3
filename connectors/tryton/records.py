"""Rows of Tryton as records of a client book: opportunities, and what else the settings name. Pure."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from config.text import _
from connectors.contract import AccountId, Record, RecordId
from connectors.tryton.owner_fields import OPPORTUNITY, OwnerField

KIND = "opportunity"
WORKED_ON = frozenset({"lead", "opportunity"})
"""States in which a sale is still hoped for, and in which Tryton lets the employee be changed."""
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
]
"""What is read of an opportunity."""
_ID = re.compile(rf"({KIND}|[\w.-]+:\w+):(\d+)", re.ASCII)


def place(record: RecordId) -> tuple[str, int] | None:
    """Return the field that makes it somebody's, as the settings write it, and the record's number; None: no id."""
    found = _ID.fullmatch(record)
    return (OPPORTUNITY.text if found[1] == KIND else found[1], int(found[2])) if found else None


def record_id(field: OwnerField, number: int) -> RecordId:
    """Return our id of a record. It names model and field, so that it is good whatever the settings say later."""
    return RecordId(f"{KIND if field == OPPORTUNITY else field.text}:{number}")


def kind(field: OwnerField) -> str:
    """Return what people read of such a record: `opportunity`, else the model's last word and the field."""
    return KIND if field == OPPORTUNITY else f"{field.model.rpartition('.')[2]}.{field.name}"


def fields(field: OwnerField) -> list[str]:
    """Return what is read of its records."""
    if field == OPPORTUNITY:
        return FIELDS
    parts = () if field.party is None else ("rec_name", "lang.code", "categories.name")
    own = [name for name, there in (("party", field.party), ("active", field.active), ("state", field.state)) if there]
    return list(dict.fromkeys(["rec_name", field.name, *own, *(f"{field.party}{part}" for part in parts)]))


def record(field: OwnerField, row: Mapping[str, Any], owner: AccountId) -> Record:
    """Return a row as a record; those of one party are a family, one without a party is its own."""
    return _opportunity(row, owner) if field == OPPORTUNITY else _other(field, row, owner)


def _opportunity(row: Mapping[str, Any], owner: AccountId) -> Record:
    identity = record_id(OPPORTUNITY, row["id"])
    name = row["description"] or f"Opportunity {row['number']}"
    party = row["party."] if row["party"] else None
    return Record(
        id=identity,
        kind=KIND,
        name=name,
        owner=owner,
        family=f"party:{row['party']}" if party else identity,
        family_name=party["rec_name"] if party else name,
        value=number(row["amount"]),
        currency=row["currency."]["code"],
        open=row["state"] in WORKED_ON,
        stage=row["state"],
        traits=traits(party or {}, row.get("address.") or {}),
        fixed="" if row["state"] in WORKED_ON else _fixed(row["state"]),
    )


def _other(field: OwnerField, row: Mapping[str, Any], owner: AccountId) -> Record:
    """Return a record that has no value; in which states work on it goes on, nobody but its module knows."""
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
    )


def traits(party: Mapping[str, Any], address: Mapping[str, Any]) -> dict[str, str]:
    """Return what the party says of itself: its categories as segments, its language, the address's country."""
    known = {
        "segment": ";".join(one["name"] for one in party.get("categories.") or ()),
        "language": (party.get("lang.") or {}).get("code") or "",
        "region": (address.get("country.") or {}).get("code") or "",
    }
    return {name: value for name, value in known.items() if value}


def number(value: Mapping[str, str] | None) -> Decimal:
    """Return a number as Tryton writes it in JSON; nothing is zero."""
    return Decimal(value["decimal"]) if value else Decimal(0)


def _fixed(state: str) -> str:
    return _("{state}: Tryton lets nobody change its employee any more").format(state=state)
