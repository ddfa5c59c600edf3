"""The practice CRM as the conformance suites see it: one world for each suite, all on one server."""

import base64
import gzip
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from connectors.conformance.accounts import Newcomer, newcomer
from connectors.contract import AccountId, RecordId
from connectors.tryton.connector import Tryton as Connector
from connectors.tryton.settings import TrytonSettings
from tests.connectors.tryton.lossy import relay
from tests.sandbox.company import tryton_seed
from tests.sandbox.company.tryton import Tryton
from tests.sandbox.company.tryton_rpc import Failed, Rpc


class World:
    """Changes the CRM as its administrator, reads its database file; connects as the bot."""

    patience = 5.0

    def __init__(self, server: Tryton) -> None:
        self.server = server
        self._gone = 10_000_000
        self._connectors: list[Connector] = []

    def settings(self, **changes: Any) -> TrytonSettings:
        values = {
            "url": self.server.url,
            "database": self.server.database,
            "login": self.server.bot.login,
            "password": SecretStr(self.server.bot.password),
            "server_log": self.server.log,
            "timeout_seconds": 20.0,
        }
        return TrytonSettings.model_validate(values | changes)

    def connect(self, password: str = "good") -> Connector:
        self.server.forget_attempts()
        settings = self.settings() if password == "good" else self.settings(password=SecretStr(password))
        self._connectors.append(Connector(settings))
        return self._connectors[-1]

    def nobody(self) -> AccountId:
        self._gone += 1
        return AccountId(str(self._gone))

    def login(self, account: AccountId) -> str:
        [(login,)] = self.server.query("SELECT login FROM res_user WHERE id = ?", int(account))
        return str(login)

    def create(self, who: Newcomer, *, password: bool = True, **more: Any) -> AccountId:
        values = {"name": who.name, "login": who.login, "email": who.email, **more}
        if password:
            values["password"] = who.password
        [number] = self.server.as_admin().call("res.user.create", [values])
        return AccountId(str(number))

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self.server.stop()
        try:
            yield
        finally:
            self.server.start()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Use short time limits only meanwhile: a busy machine is not a silent server."""
        clients = [connector._api for connector in self._connectors]
        usual = [client.timeout for client in clients]
        for client in clients:
            client.timeout = httpx.Timeout(0.3)
        self.server.pause()
        try:
            yield
        finally:
            self.server.resume()
            for client, timeout in zip(clients, usual, strict=True):
                client.timeout = timeout


class AccountsWorld(World):
    """World of the accounts suite."""

    def add(self, who: Newcomer) -> AccountId:
        return self.create(who)

    def truth(self) -> Mapping[AccountId, object]:
        return {AccountId(str(row[0])): row for row in self.server.query("SELECT id, * FROM res_user")}

    def writes(self) -> int:
        bot = self.server.user_id(self.server.bot.login)
        [(found,)] = self.server.query("SELECT count(*) FROM ir_model_log WHERE user = ?", bot)
        return int(found)

    def can_log_in(self, login: str, password: str) -> bool:
        return self.server.can_login(login, password)

    def reopen(self, account: AccountId) -> None:
        self.server.as_admin().call("res.user.write", [int(account)], {"active": True})

    def secrets(self) -> Sequence[str]:
        return (self.server.bot.password,)


class SessionsWorld(World):
    """World of the sessions suite."""

    def __init__(self, server: Tryton) -> None:
        super().__init__(server)
        self._people: dict[AccountId, Newcomer] = {}
        self._kept: dict[AccountId, list[Rpc]] = {}

    def person(self) -> AccountId:
        who = newcomer()
        account = self.create(who)
        self._people[account] = who
        return account

    def sign_in(self, account: AccountId) -> None:
        who = self._people[account]
        self._kept.setdefault(account, []).append(self.server.sign_in(who.login, who.password))

    def alive(self, account: AccountId) -> int:
        return sum(map(_answers, self._kept[account]))

    def may_sign_in(self, account: AccountId) -> bool:
        return self.server.user_active(self.login(account))


class BookWorld(World):
    """World of the client book suite."""

    def seller(self, *, active: bool = True) -> AccountId:
        who, admin = newcomer("seller"), self.server.as_admin()
        [party] = admin.call("party.party.create", [{"name": who.name}])
        [employee] = admin.call("company.employee.create", [{"party": party, "company": 1}])
        place = {"companies": [["add", [1]]], "company": 1, "employees": [["add", [employee]]], "employee": employee}
        account = self.create(who, password=False, **place)
        if not active:
            self.server.set_active(who.login, active=False)
        return account

    def add(self, owner: AccountId, names: Sequence[str]) -> list[RecordId]:
        added = self.server.add(self.login(owner), names[:20])
        added += self.server.copy(added[0], len(names[20:])) if added else []
        return [RecordId(f"opportunity:{number}") for number in added]

    def missing(self) -> RecordId:
        self._gone += 1
        return RecordId(f"opportunity:{self._gone}")

    def owners(self) -> Mapping[RecordId, AccountId]:
        sql = "SELECT o.id, u.id FROM sale_opportunity o JOIN res_user u ON u.employee = o.employee"
        return {RecordId(f"opportunity:{r}"): AccountId(str(u)) for r, u in self.server.query(sql)}

    def contents(self) -> Mapping[RecordId, object]:
        columns = "id, create_date, number, reference, party, contact, address, company, currency, amount, description"
        rows = self.server.query(f"SELECT {columns}, state, comment, start_date, end_date FROM sale_opportunity")
        return {RecordId(f"opportunity:{row[0]}"): row for row in rows}

    def writes(self) -> int:
        sql = "SELECT count(*) FROM ir_model_log WHERE event = 'write' AND resource LIKE 'sale.opportunity,%'"
        [(found,)] = self.server.query(sql)
        return int(found)

    def take(self, record: RecordId, by: AccountId) -> None:
        self.server.reassign(number(record), self.login(by))

    def delete(self, record: RecordId) -> None:
        self.server.delete(number(record))

    @contextmanager
    def losing_answers(self) -> Iterator[None]:
        with relay(self.server.url) as address:
            self.settings = lambda **changes: type(self).settings(self, url=address, **changes)  # type: ignore[method-assign]
            try:
                yield
            finally:
                del self.settings


class FieldWorld(BookWorld):
    """World of the client book suite on the records of a further field; the bot may write them meanwhile."""

    field: str
    table: str

    def settings(self, **changes: Any) -> TrytonSettings:
        return super().settings(**{"owner_fields": (self.field,)} | changes)

    def make(self, owner: AccountId, names: Sequence[str]) -> list[int]:
        raise NotImplementedError

    def hand(self, account: AccountId) -> int:
        raise NotImplementedError

    @property
    def model(self) -> str:
        return self.field.partition(":")[0]

    @property
    def column(self) -> str:
        return self.field.partition(":")[2]

    def add(self, owner: AccountId, names: Sequence[str]) -> list[RecordId]:
        made = self.make(owner, names[:20])
        made += self.server.copy(made[0], len(names[20:]), self.table) if made else []
        return [RecordId(f"{self.field}:{one}") for one in made]

    def missing(self) -> RecordId:
        self._gone += 1
        return RecordId(f"{self.field}:{self._gone}")

    def contents(self) -> Mapping[RecordId, object]:
        changing = {self.column, "write_date", "write_uid"}
        every = [name for _, name, *_ in self.server.query(f"PRAGMA table_info({self.table})") if name not in changing]
        rows = self.server.query(f"SELECT id, {', '.join(every)} FROM {self.table}")
        return {RecordId(f"{self.field}:{row[0]}"): row for row in rows}

    def writes(self) -> int:
        sql = "SELECT count(*) FROM ir_model_log WHERE event = 'write' AND resource LIKE ?"
        [(found,)] = self.server.query(sql, f"{self.model},%")
        return int(found)

    def take(self, record: RecordId, by: AccountId) -> None:
        self.server.as_admin().call(f"{self.model}.write", [number(record)], {self.column: self.hand(by)})

    def delete(self, record: RecordId) -> None:
        self.server.as_admin().call(f"{self.model}.delete", [number(record)])

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Let the bot write the model, which its group may not in the practice company."""
        admin, group = self.server.as_admin(), [["group.name", "=", "Handover bot"], ["model", "=", self.model]]
        rights = {"perm_read": True, "perm_write": True, "perm_create": False, "perm_delete": False}
        had = admin.call("ir.model.access.search", group)
        [bot] = admin.call("res.group.search", [["name", "=", "Handover bot"]])
        made = had or admin.call("ir.model.access.create", [{"model": self.model, "group": bot}])
        admin.call("ir.model.access.write", made, rights)
        try:
            yield
        finally:
            if had:
                admin.call("ir.model.access.write", made, {"perm_write": False})
            else:
                admin.call("ir.model.access.delete", made)


class SupervisorWorld(FieldWorld):
    """Employees by their supervisor: a field that points to an employee, on a model with a party and a company."""

    field, table = "company.employee:supervisor", "company_employee"

    def make(self, owner: AccountId, names: Sequence[str]) -> list[int]:
        admin, hand = self.server.as_admin(), self.hand(owner)
        parties = admin.call("party.party.create", [{"name": name} for name in names])
        rows = [{"party": party, "company": 1, "supervisor": hand} for party in parties]
        found: list[int] = admin.call("company.employee.create", rows)
        return found

    def hand(self, account: AccountId) -> int:
        return self.server.employee_id(self.login(account))

    def owners(self) -> Mapping[RecordId, AccountId]:
        sql = "SELECT e.id, u.id FROM company_employee e JOIN res_user u ON u.employee = e.supervisor"
        return {RecordId(f"{self.field}:{r}"): AccountId(str(u)) for r, u in self.server.query(sql)}


class NotificationWorld(FieldWorld):
    """Notifications by the user who gets undeliverable ones: a field that points to a user, without a party."""

    field, table = "notification.email:fallback_recipients", "notification_email"

    def make(self, owner: AccountId, names: Sequence[str]) -> list[int]:
        admin = self.server.as_admin()
        report = {"model": "party.party", "report_name": "party.label", "template_extension": "txt"}
        reports = admin.call("ir.action.report.create", [{**report, "name": name} for name in names])
        rows = [{"content": one, "fallback_recipients": self.hand(owner)} for one in reports]
        found: list[int] = admin.call("notification.email.create", rows)
        return found

    def hand(self, account: AccountId) -> int:
        return int(account)

    def owners(self) -> Mapping[RecordId, AccountId]:
        rows = self.server.query("SELECT id, fallback_recipients FROM notification_email WHERE fallback_recipients > 0")
        return {RecordId(f"{self.field}:{record}"): AccountId(str(user)) for record, user in rows}


class ExportWorld(World):
    """World of the export log suite."""

    def __init__(self, server: Tryton) -> None:
        super().__init__(server)
        self._signed_in: dict[AccountId, Rpc] = {}
        self._rotated = 0

    def person(self) -> AccountId:
        who, admin = newcomer(), self.server.as_admin()
        groups = admin.call("res.group.search", [["name", "in", ["Sales", "Sale Opportunity"]]], 0, None, None)
        account = self.create(who, companies=[["add", [1]]], company=1, groups=[["add", groups]])
        self._signed_in[account] = self.server.sign_in(who.login, who.password)
        return account

    def export(self, account: AccountId, start: int, size: int) -> None:
        tryton_seed.export(self._signed_in[account], "sale.opportunity", start, size)

    def export_uncounted(self, account: AccountId) -> None:
        domain, fields = [["id", "<", 9]], ["number", "amount"]
        self._signed_in[account].call("sale.opportunity.export_data_domain", domain, fields, 0, None, None, True)

    def export_in_vain(self, account: AccountId) -> None:
        """Let the server fail once and refuse once: the log shows them differently."""
        for records, fields in (([1, 2], ["number", "party.name"]), ([self._gone], ["number"])):
            with pytest.raises(Failed, match="export_data"):
                self._signed_in[account].call("sale.opportunity.export_data", records, fields, False)

    def disguise(self, account: AccountId, login: str) -> None:
        """Let the account's session send another log-in, as a self-made client can."""
        headers = self._signed_in[account]._headers
        _, user, key = base64.b64decode(headers["Authorization"].removeprefix("Session ")).decode().split(":")
        headers["Authorization"] = "Session " + base64.b64encode(f"{login}:{user}:{key}".encode()).decode()

    def rotate(self) -> None:
        """Rotate as logrotate's `copytruncate` does, packing every second file."""
        self._rotated += 1
        old = self.server.log.with_name(f"{self.server.log.name}.{uuid4().hex[:6]}")
        if self._rotated % 2:
            with self.server.log.open("rb") as source, gzip.open(f"{old}.gz", "wb") as target:
                shutil.copyfileobj(source, target)
        else:
            shutil.copyfile(self.server.log, old)
        self.server.log.write_text("")

    def client_base(self) -> int:
        [(parties,)] = self.server.query("SELECT count(*) FROM party_party WHERE active")
        [(deals,)] = self.server.query("SELECT count(*) FROM sale_opportunity")
        return int(parties) + int(deals)


def number(record: RecordId) -> int:
    return int(record.rpartition(":")[2])


def _answers(session: Rpc) -> bool:
    try:
        session.call("res.user.get_preferences", True)
    except Failed as error:
        if error.status == 401:
            return False
        raise
    return True
