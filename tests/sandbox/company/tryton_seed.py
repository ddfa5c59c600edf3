"""Seed data of an empty Tryton: the practice company, through Tryton's own RPC.

RPC does not allow two things. An opportunity becomes `won` or `converted` only through a sale, so
these states are set by SQL in the finished database. Exports cannot be made in the past. So `export_history` makes
them now, and `spread` later changes only the times of the server's own log lines.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.sandbox.company.clients import Deal, clients
from tests.sandbox.company.people import BY_UID, LEAVER, PEOPLE, Employee
from tests.sandbox.company.tryton_rpc import Failed, Rpc

BOT_LOGIN, BOT_PASSWORD = "svc-handover", "Practice-svc-handover-2026"
FIELDS = ["number", "party/name", "amount", "state"]
HISTORY: tuple[tuple[float, str, str, int, int], ...] = (
    # days ago, who, which model, from which record on, how many (0: by domain, the log has no number)
    (34.2, "bob.ross", "sale.opportunity", 0, 12),
    (33.1, LEAVER.uid, "sale.opportunity", 0, 4),
    (27.3, "carol.diaz", "sale.opportunity", 0, 20),
    (26.2, LEAVER.uid, "sale.opportunity", 4, 3),
    (19.4, LEAVER.uid, "sale.opportunity", 0, 6),
    (13.1, LEAVER.uid, "sale.opportunity", 0, 25),
    (12.2, LEAVER.uid, "sale.opportunity", 25, 25),
    (6.3, LEAVER.uid, "sale.opportunity", 0, 60),
    (6.2, LEAVER.uid, "party.party", 0, 80),
    (6.1, "bob.ross", "sale.opportunity", 0, 15),
    (5.2, LEAVER.uid, "party.party", 80, 80),
    (4.1, LEAVER.uid, "sale.opportunity", 60, 100),
    (2.2, LEAVER.uid, "sale.opportunity", 160, 100),
    (1.1, LEAVER.uid, "sale.opportunity", 0, 0),
)
_EXPORT = re.compile(r" trytond\.(protocols\.dispatcher|wsgi) .*[\w.]+\.export_data(_domain)?[(>]")
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}", re.MULTILINE)


def fill(admin: Rpc) -> None:
    """Write company, people, bot and clients."""
    company, currency = _company(admin)
    employees = _people(admin, company)
    _bot(admin, company)
    _clients(admin, company, currency, employees)


def _company(admin: Rpc) -> tuple[int, int]:
    euro = {"name": "Euro", "code": "EUR", "symbol": "€", "digits": 2, "rounding": _decimal("0.01")}
    [currency] = admin.call("currency.currency.create", [euro])
    rate = {"currency": currency, "rate": _decimal("1"), "date": _date(2020, 1, 1)}
    admin.call("currency.currency.rate.create", [rate])
    [party] = admin.call("party.party.create", [{"name": "Northwind Practice"}])
    [company] = admin.call("company.company.create", [{"party": party, "currency": currency}])
    admin.call("res.user.write", [admin.user], {"companies": [["add", [company]]], "company": company})
    admin.context = {"company": company}
    return company, currency


def _people(admin: Rpc, company: int) -> dict[str, int]:
    people = [person for person in PEOPLE if person.crm]
    groups = _groups(admin, "Sales", "Sale Opportunity")
    parties = admin.call("party.party.create", [{"name": person.name} for person in people])
    employees = admin.call("company.employee.create", [{"party": party, "company": company} for party in parties])
    admin.call("res.user.create", [_user(*row, company, groups) for row in zip(people, employees, strict=True)])
    return {person.uid: employee for person, employee in zip(people, employees, strict=True)}


def _user(person: Employee, employee: int, company: int, groups: Sequence[int]) -> dict[str, Any]:
    own = {"name": person.name, "login": person.uid, "email": person.email, "password": person.password}
    place = {"companies": [["add", [company]]], "company": company, "groups": [["add", list(groups)]]}
    return {**own, **place, "employees": [["add", [employee]]], "employee": employee}


def _groups(admin: Rpc, *names: str) -> list[int]:
    """The groups that a sales person has; everybody in the practice company's CRM has the same."""
    found = admin.call("res.group.search_read", [["name", "in", names]], 0, None, None, ["name"])
    if {group["name"] for group in found} != set(names):
        raise LookupError(f"Tryton has no groups {names}, but {found}")
    return [group["id"] for group in found]


def _bot(admin: Rpc, company: int) -> None:
    """The service user with the least that works: reads and writes users and opportunities, reads all else it needs.

    Of a user it may write nothing that would give rights: groups, administrator, password, log-in and address are shut.
    """
    [group] = admin.call("res.group.create", [{"name": "Handover bot"}])
    rights = {"res.user": True, "sale.opportunity": True}
    rights |= dict.fromkeys(("party.party", "company.employee", "notification.email"), False)
    admin.call("ir.model.access.create", [_right(group, model, write) for model, write in rights.items()])
    shut = ("groups", "administrator", "password", "password_hash", "password_reset", "login", "email", "applications")
    admin.call("ir.model.field.access.create", [_shut(group, field) for field in shut])
    _keys(admin, group)
    place = {"companies": [["add", [company]]], "company": company, "groups": [["add", [group]]]}
    admin.call("res.user.create", [{"name": "Handover", "login": BOT_LOGIN, "password": BOT_PASSWORD, **place}])


def _keys(admin: Rpc, group: int) -> None:
    """Let the bot see that somebody has a key for a program, and not the key."""
    modes = dict.fromkeys(("perm_write", "perm_create", "perm_delete"), False)
    rule = {"name": "Keys of everybody", "model": "res.user.application", "global_p": False, "perm_read": True, **modes}
    rule |= {"groups": [["add", [group]]], "rules": [["create", [{"domain": "[]"}]]]}
    admin.call("ir.rule.group.create", [rule])
    shut = {"model": "res.user.application", "field": "key", "group": group, "perm_read": False, **modes}
    admin.call("ir.model.field.access.create", [shut])


def _right(group: int, model: str, write: bool) -> dict[str, Any]:
    rights = {"perm_read": True, "perm_write": write, "perm_create": False, "perm_delete": False}
    return {"model": model, "group": group, **rights}


def _shut(group: int, field: str) -> dict[str, Any]:
    rights = {"perm_read": True, "perm_write": False, "perm_create": False, "perm_delete": False}
    return {"model": "res.user", "field": field, "group": group, **rights}


def _clients(admin: Rpc, company: int, currency: int, employees: dict[str, int]) -> None:
    book = clients()
    parties = admin.call("party.party.create", [{"name": client.name} for client in book])
    rows = [
        (deal, opportunity(deal, party, company, currency, employees[client.owner]))
        for client, party in zip(book, parties, strict=True)
        for deal in client.deals
    ]
    ids = admin.call("sale.opportunity.create", [values for _, values in rows])
    states = {record: deal.state for record, (deal, _) in zip(ids, rows, strict=True)}
    _press(admin, "opportunity", [i for i, state in states.items() if state in ("opportunity", "won", "converted")])
    _press(admin, "lost", [i for i, state in states.items() if state == "lost"])
    _press(admin, "cancel", [i for i, state in states.items() if state == "cancelled"])


def opportunity(deal: Deal, party: int, company: int, currency: int, employee: int) -> dict[str, Any]:
    """Return the values of a new opportunity; every one begins as a lead."""
    who = {"party": party, "company": company, "employee": employee, "currency": currency}
    what = {"description": deal.title, "amount": _decimal(str(deal.amount)), "conversion_probability": 0.5}
    return {**who, **what, "start_date": _date(2026, 9, 1)}


def _press(admin: Rpc, button: str, records: list[int]) -> None:
    if records:
        admin.call(f"sale.opportunity.{button}", records)


def finish(database: Path) -> None:
    """Set the states that only a finished sale sets, and leave no session open."""
    deals = (deal for client in clients() for deal in client.deals)
    won = [(deal.state, deal.title) for deal in deals if deal.state in ("won", "converted")]
    connection = sqlite3.connect(database)
    with connection:
        connection.executemany("UPDATE sale_opportunity SET state = ? WHERE description = ?", won)
        connection.execute("DELETE FROM ir_session")
    connection.close()


def export_history(url: str, context: dict[str, Any]) -> None:
    """Make every export of `HISTORY` for real, each by the person themselves, and one that fails."""
    users = {uid: Rpc(url, uid, BY_UID[uid].password) for uid in {uid for _, uid, *_ in HISTORY}}
    for _, uid, model, start, size in HISTORY:
        users[uid].context = context
        export(users[uid], model, start, size)
    try:
        users[LEAVER.uid].call("sale.opportunity.export_data", [1, 2, 3], ["number", "party.name"], False)
    except Failed as error:
        if error.status != 200:
            raise
    else:
        raise AssertionError("the export that should fail did not")


def export(user: Rpc, model: str, start: int, size: int) -> None:
    """Export as the desktop client does: a selection by ids, everything by a domain."""
    fields = FIELDS if model == "sale.opportunity" else ["name"]
    if size:
        ids = user.call(f"{model}.search", [], start, size, [["id", "ASC"]])
        user.call(f"{model}.export_data", ids, fields, True)
    else:
        user.call(f"{model}.export_data_domain", [], fields, 0, None, None, True)


def exports_in(log: str) -> Iterator[str]:
    """Yield the log's entries about exports, each with what follows it (a traceback)."""
    starts = [match.start() for match in _STAMP.finditer(log)]
    for start, end in zip(starts, [*starts[1:], len(log)], strict=True):
        entry = log[start:end]
        if _EXPORT.search(entry.partition("\n")[0]):
            yield entry


LONG = timedelta(days=100)
"""Age of the log."""


def spread(history: str, now: datetime) -> str:
    """Give the recorded entries the times of `HISTORY`, counted back from `now`; their text stays the server's own.

    The log begins before all of them, as that of a server that has run for long.
    """
    days, at = iter([*(ago for ago, *_ in HISTORY), 1.0]), now
    stamped = [f"{now - LONG:%Y-%m-%d %H:%M:%S},000 INFO trytond.modules the server's first line\n"]
    for entry in exports_in(history):
        if " trytond.protocols.dispatcher " in entry.partition("\n")[0]:
            at = now - timedelta(days=next(days))
        stamped.append(_STAMP.sub(at.strftime("%Y-%m-%d %H:%M:%S,%f")[:-3], entry, count=1))
    return "".join(stamped)


def _decimal(value: str) -> dict[str, str]:
    return {"__class__": "Decimal", "decimal": value}


def _date(year: int, month: int, day: int) -> dict[str, Any]:
    return {"__class__": "date", "year": year, "month": month, "day": day}
