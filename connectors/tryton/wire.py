"""Conversion between Tryton's payloads and our values. Pure: nothing is sent from here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

from config.identifiers import relatives
from config.text import _
from connectors.contract import Account, AccountId, BeforeImage, Observation, Person, Verdict
from connectors.errors import Conflict, ConnectorError, Unavailable
from connectors.identifiers import key

ANY_STATE = ["active", "in", [True, False]]
"""Without this clause a search hides inactive users. In a search with `OR` it has no effect (see `ALL`)."""
ALL = MappingProxyType({"active_test": False})
"""The context of a search that hides no users.

Tryton adds to each list below an `OR` that users be active, whatever stands beside it (trytond 8.2,
`_search_domain_active`; tried).
"""

USER_FIELDS = ["login", "name", "email", "active", "sessions", "employee", "employees", "_timestamp"]
EMPLOYEE_FIELDS = ["company", "start_date", "end_date"]


class ValidationRefused(Conflict):
    """Tryton refused with a sentence for its user."""


class RightsRefused(ValidationRefused):
    """Tryton refused with a sentence about groups and their rights."""


def fault(method: str, error: Sequence[Any]) -> ConnectorError:
    """Return the meaning of an `error` in an answer. Tryton rolls back before it answers one: nothing has happened."""
    name, details = str(error[0]), error[1] if len(error) > 1 else []
    if name == "ConcurrencyException":
        return Conflict(_("{method}: changed by somebody else in the meantime").format(method=method))
    if name == "UserError":
        message, description, *_more = [*list(details), "", ""]
        return (RightsRefused if description else ValidationRefused)(str(message))
    if name == "UserWarning":
        return ValidationRefused(str(details[1]))
    return Unavailable(_("{method}: the server failed ({kind})").format(method=method, kind=name[:200]))


def result(method: str, found: Any) -> Any:
    """Return the result of a read. Raises `Unavailable` if there is none."""
    if found is None:
        raise Unavailable(_("{method}: the answer has no result").format(method=method))
    return found


def rows(method: str, found: Any, fields: Sequence[str]) -> Any:
    """Return the rows of a search. Raises `Unavailable` if one lacks its id or a field that was asked for."""
    wanted = [field for field in fields if "." not in field]
    for row in found if isinstance(found, list) else [None]:
        if not isinstance(row, Mapping) or type(row.get("id")) is not int:
            raise Unavailable(_("{method}: the answer is not Tryton's").format(method=method))
        if lacking := [field for field in wanted if field not in row]:
            text = _("{method}: the answer lacks {fields}")
            raise Unavailable(text.format(method=method, fields=", ".join(lacking)))
    return found


def user_id(account: AccountId) -> int | None:
    """Return the id of `res.user`; None for a text that cannot be one."""
    return int(account) if account.isascii() and account.isdecimal() else None


def lookup(person: Person) -> list[Any]:
    """Return a search for users by address or log-in, ignoring case. Send it in the context `ALL`.

    `matched` removes the extra matches of the wildcard `_`.
    """
    clauses = [["email", "ilike", _literal(mail)] for mail in person.emails]
    clauses += [["login", "ilike", _literal(name)] for name in (*person.logins, *person.emails)]
    return ["OR", *clauses]


def related(person: Person) -> list[Any]:
    """Return a search for users that may be the person's beside those that match. Send it in the context `ALL`."""
    found = list(relatives((*person.logins, *person.emails)))
    plus = [_literal(email).replace("@", "+%@", 1) for email in person.emails]
    clauses = [[field, "ilike", one] for one in plus for field in ("email", "login")]
    return ["OR", *clauses, ["login", "in", found], ["email", "in", found]]


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def matched(person: Person, row: Mapping[str, Any]) -> str:
    """Return the field by which a user matches the person, or an empty string."""
    if _same(row["email"], person.emails):
        return "email"
    return "login" if _same(row["login"], (*person.logins, *person.emails)) else ""


def _same(value: str | None, wanted: Iterable[str]) -> bool:
    return bool(value) and key(str(value)) in set(map(key, wanted))


def verdict(row: Mapping[str, Any]) -> Verdict:
    """Return the meaning of `active`; a missing value gives `unknown`. SQLite's values are 1 and 0."""
    active = row.get("active")
    return (Verdict.OPEN if active else Verdict.LOCKED) if isinstance(active, int) else Verdict.UNKNOWN


def account(row: Mapping[str, Any], matched_by: str) -> Account:
    """Return a user as an account."""
    found = AccountId(str(row["id"]))
    return Account(
        id=found,
        login=row["login"],
        name=row["name"] or row["login"],
        verdict=verdict(row),
        matched_by=matched_by,
        email=row["email"] or "",
        before=before(found, row),
    )


def before(account: AccountId, row: Mapping[str, Any]) -> BeforeImage:
    """Return the values that a lock of the user changes."""
    return BeforeImage(account, {"active": str(bool(row["active"])).lower()})


def observation(row: Mapping[str, Any] | None) -> Observation:
    """Return the observation of a user; None if no user has that id."""
    if row is None:
        return Observation(Verdict.ABSENT, _("res.user by id"))
    found = verdict(row)
    reasons = {
        Verdict.OPEN: _("active, {count} session(s) open").format(count=row["sessions"]),
        Verdict.UNKNOWN: _("active is not given"),
    }
    return Observation(found, "res.user.active", reasons.get(found, ""))


def unchanged(model: str, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the context in which a write fails if a row was written since it was read (as the desktop client does)."""
    return {"_timestamp": {f"{model},{row['id']}": row["_timestamp"] for row in rows}}


def day(value: Mapping[str, int] | None) -> date | None:
    """Return a date as Tryton writes it in JSON."""
    return date(value["year"], value["month"], value["day"]) if value else None


@dataclass(frozen=True, slots=True)
class OwnerAccount:
    """A user as an owner of records, with the ids that records name: those of their employees, the main one last.

    If records name users, it is the user's own id.
    """

    account: AccountId
    name: str
    active: bool
    hands: Mapping[int, int | None]
    """Company by id; only present employees. A user has no company."""
    all_owner_ids: frozenset[int]
    """Includes former employees: they may still own records."""


def seller(row: Mapping[str, Any], employees: Iterable[Mapping[str, Any]], today: date) -> OwnerAccount:
    """Return a user as an owner of records that name employees; `employees` are theirs."""
    order = sorted(employees, key=lambda employee: (employee["id"] == row["employee"], employee["id"]))
    working = {one["id"]: one["company"] for one in order if _works(one, today)}
    return owner_account(row, working, row["employees"])


def owner_account(row: Mapping[str, Any], hands: Mapping[int, int | None], everyone: Iterable[int]) -> OwnerAccount:
    """Return a user as an owner of records that name `hands` now, or one of `everyone` since earlier."""
    return OwnerAccount(
        AccountId(str(row["id"])), row["name"] or row["login"], bool(row["active"]), hands, frozenset(everyone)
    )


EMPLOYEES, COMPANY = "employees", "company:"
"""Pools of owners: every employee, or those of one company; an empty pool is every user."""


def owner_pool(*, users: bool, company: int | None) -> str:
    """Return the pool of those who can own a record of a company, or of none."""
    if users:
        return ""
    return EMPLOYEES if company is None else f"{COMPANY}{company}"


def pool_company(pool: str) -> int | None:
    """Return the company whose employees a pool is; None for another pool."""
    return int(pool.removeprefix(COMPANY)) if pool.startswith(COMPANY) else None


def owner_fault(
    account: AccountId, seller: OwnerAccount | None, pool: str, companies: Mapping[int, str], on: date
) -> str:
    """Return why an account cannot own records of a pool on a day, as a sentence; an empty one: it can."""
    if seller is None:
        return _("Tryton has no user {account}").format(account=account)
    if not seller.active:
        return _("{name} is inactive").format(name=seller.name)
    company = pool_company(pool)
    if not pool or (seller.hands if company is None else {company, None}.intersection(seller.hands.values())):
        return ""
    if company is None:
        return _("{name} is no employee on {day}").format(name=seller.name, day=on)
    fault = _("{name} is no employee of {company} on {day}")
    return fault.format(name=seller.name, company=companies.get(company, f"company {company}"), day=on)


def _works(employee: Mapping[str, Any], today: date) -> bool:
    start, end = day(employee["start_date"]), day(employee["end_date"])
    return (start is None or start <= today) and (end is None or today <= end)
