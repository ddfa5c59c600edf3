"""Rows of Tryton as records of a client book: opportunities, and records of the settings' fields. Pure."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from config.text import _
from connectors.contract import AccountId, Record, RecordId
from connectors.tryton.owner_fields import OPPORTUNITY, OwnerField

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
]
"""The fields that are read of an opportunity."""
_ID = re.compile(rf"({KIND}|[\w.-]+:\w+):(\d+)", re.ASCII)


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
    return list(dict.fromkeys(["rec_name", field.name, *own, *(f"{field.party}{part}" for part in parts)]))


def record(field: OwnerField, row: Mapping[str, Any], owner: AccountId) -> Record:
    """Return a row as a record. Records of one party are a family; one without a party is its own."""
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
    )


def traits(party: Mapping[str, Any], address: Mapping[str, Any]) -> dict[str, str]:
    """Return the party's traits: its categories as segments, its language, the address's country."""
    known = {
        "segment": ";".join(one["name"] for one in party.get("categories.") or ()),
        "language": (party.get("lang.") or {}).get("code") or "",
        "region": (address.get("country.") or {}).get("code") or "",
    }
    return {name: value for name, value in known.items() if value}


def number(value: Mapping[str, str] | None) -> Decimal:
    """Return a number as Tryton writes it in JSON; None is zero."""
    return Decimal(value["decimal"]) if value else Decimal(0)


def _fixed(state: str) -> str:
    return _("{state}: Tryton lets nobody change its employee any more").format(state=state)
