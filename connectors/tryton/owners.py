"""Owners of records in Tryton: an account is a user; its records name the user or one of the user's employees.

An owner field points to an employee (`company.employee`) or to a user (`res.user`): the opportunity's employee, and the
fields that the settings name. The model's other fields (a party, a company, an active flag) are read from Tryton
itself. So the settings name only the field.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from config.text import _
from connectors.contract import AccountId
from connectors.errors import Forbidden, Missing
from connectors.tryton import wire
from connectors.tryton.rpc import Rpc

UNLINKED = "employee:"
"""Prefix of an owner without a log-in: an employee without a linked user still owns the record."""
USER, EMPLOYEE, PARTY, COMPANY = "res.user", "company.employee", "party.party", "company.company"
BESIDES = ("party", "company", "active", "state")


@dataclass(frozen=True, slots=True)
class OwnerField:
    """One field of one model."""

    model: str
    name: str
    users: bool = False
    """True if it points to users; else it points to employees."""
    party: str | None = None
    """Path from the record to its party's own fields: `party.`, or empty if the record is the party."""
    company: bool = False
    """True if the record belongs to a company. Only that company's employees can own it."""
    active: bool = False
    """True if the record can be inactive. Such a record is in no list that does not ask for it."""
    state: bool = False

    @property
    def text(self) -> str:
        """Return the field as the settings write it."""
        return f"{self.model}:{self.name}"


OPPORTUNITY = OwnerField("sale.opportunity", "employee", party="party.", company=True, state=True)


def read(rpc: Rpc, text: str) -> OwnerField:
    """Look a field up, given as `MODEL:FIELD`. Raises `Missing` with an instruction if it can own nothing."""
    model, _colon, name = text.partition(":")
    if not rpc.read("ir.model.search_count", [["name", "=", model]]):
        raise Missing(
            _(
                "owner_fields: Tryton has no model {model}; activate its module there, "
                "or take {field} out of the settings"
            ).format(model=model, field=text)
        )
    known = rpc.read(f"{model}.fields_get", [name, *BESIDES])
    if wrong := fault(text, known.get(name)):
        raise Missing(wrong)
    party = "" if model == PARTY else "party." if _points(known.get("party"), PARTY) else None
    return OwnerField(
        model,
        name,
        users=_points(known[name], USER),
        party=party,
        company=_points(known.get("company"), "company.company"),
        active="active" in known,
        state=known.get("state", {}).get("type") == "selection",
    )


def fault(text: str, found: Mapping[str, Any] | None) -> str:
    """Return why a field can own nothing and what to do, from Tryton's description of it; empty if it can."""
    model, _colon, name = text.partition(":")
    if found is None:
        message = _("owner_fields: Tryton's {model} has no field {name}; correct {field} in the settings")
        return message.format(model=model, name=name, field=text)
    if not (_points(found, EMPLOYEE) or _points(found, USER)):
        return _(
            "owner_fields: {field} is {what} in Tryton; name a field that points to one employee (company.employee) or "
            "one user (res.user)"
        ).format(field=text, what=" ".join(filter(None, (found["type"], found.get("relation")))))
    if not found.get("searchable", True):
        message = _("owner_fields: Tryton cannot search by {field}; name the field that it is computed from")
        return message.format(field=text)
    if found["readonly"]:
        return _(
            "owner_fields: {field} is read-only. Let the bot's user write it (Fields Access), or take it out of the "
            "settings"
        ).format(field=text)
    return ""


def _points(found: Mapping[str, Any] | None, model: str) -> bool:
    return found is not None and found["type"] == "many2one" and found.get("relation") == model


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

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    def rows(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Read users, including inactive ones; missing users are not in the answer."""
        if not ids:
            return {}
        domain = [["id", "in", list(ids)], wire.ANY_STATE]
        found = self._rpc.read(f"{USER}.search_read", domain, 0, None, None, wire.USER_FIELDS)
        return {row["id"]: row for row in found}

    def row(self, account: AccountId) -> dict[str, Any]:
        """Read one user. Raises `Missing`."""
        number = wire.user_id(account)
        found = None if number is None else self.rows([number]).get(number)
        if found is None:
            raise Missing(_("Tryton has no user {account}").format(account=account))
        return found

    def hands(self, owner: AccountId) -> OwnerIds:
        """Read the owner ids of an account. Raises `Missing`."""
        if owner.startswith(UNLINKED) and owner.removeprefix(UNLINKED).isdecimal():
            return OwnerIds((), (int(owner.removeprefix(UNLINKED)),))
        row = self.row(owner)
        return OwnerIds((row["id"],), tuple(row["employees"]))

    def sellers(
        self, field: OwnerField, accounts: Iterable[AccountId], on: date | None = None
    ) -> dict[AccountId, wire.OwnerAccount]:
        """Read accounts as owners by one field, today or on a day; those that are no users are not in the answer."""
        numbers = {a: n for a in accounts if (n := wire.user_id(a)) is not None}
        rows = self.rows(sorted(set(numbers.values())))
        if field.users:
            return {a: wire.owner_account(rows[n], {n: None}, [n]) for a, n in numbers.items() if n in rows}
        wanted = sorted({employee for row in rows.values() for employee in row["employees"]})
        domain, fields, today = [["id", "in", wanted]], wire.EMPLOYEE_FIELDS, datetime.now(UTC).date()
        read = self._rpc.read(f"{EMPLOYEE}.search_read", domain, 0, None, None, fields, context={"active_test": False})
        return {
            a: wire.seller(rows[n], [e for e in read if e["id"] in rows[n]["employees"]], on or today)
            for a, n in numbers.items()
            if n in rows
        }

    def faults(
        self, accounts: Sequence[AccountId], pools: Collection[str], on: date
    ) -> dict[AccountId, dict[str, str]]:
        """Return why accounts cannot own records of these pools on a day; an empty sentence: they can."""
        sellers = self.sellers(OPPORTUNITY, accounts, on)
        companies = [company for pool in pools if (company := wire.pool_company(pool)) is not None]
        named: dict[int, str] = {}
        with suppress(Forbidden):  # without a right to read companies, they are named by their ids
            domain = [["id", "in", companies]]
            read = self._rpc.read(f"{COMPANY}.search_read", domain, 0, None, None, ["rec_name"])
            named = {row["id"]: str(row["rec_name"]) for row in read}
        return {a: {pool: wire.owner_fault(a, sellers.get(a), pool, named, on) for pool in pools} for a in accounts}

    def names(self, field: OwnerField, values: Iterable[int | None]) -> Mapping[int, AccountId]:
        """Return the account of each id that a field holds; an employee without a user is named `employee:ID`."""
        wanted = sorted({value for value in values if value is not None})
        if field.users or not wanted:
            return {value: AccountId(str(value)) for value in wanted}
        domain, order = [["employees", "in", wanted], wire.ANY_STATE], [["active", "ASC"], ["id", "DESC"]]
        rows = self._rpc.read(f"{USER}.search_read", domain, 0, None, order, ["employees"])
        linked = {employee: AccountId(str(row["id"])) for row in rows for employee in row["employees"]}
        return {value: linked.get(value, unlinked(field, value)) for value in wanted}


def unlinked(field: OwnerField, value: int) -> AccountId:
    """Return the name of an id in a field for which no account is known."""
    return AccountId(f"user:{value}" if field.users else f"{UNLINKED}{value}")
