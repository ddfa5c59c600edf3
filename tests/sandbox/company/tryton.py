"""The practice company's CRM: a real Tryton server on loopback, and its true state, read without a connector.

A start copies the database's template. The log of the first start begins with five weeks of exports
(`tryton_seed.spread` states what is real in it). A few exports are made live. The true state is read from the
database file and from log-ins, never through our connector.
"""

import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.sandbox.company import tryton_seed
from tests.sandbox.company.clients import Deal
from tests.sandbox.company.people import LEAVER
from tests.sandbox.company.tryton_install import CACHE, Say, install
from tests.sandbox.company.tryton_rpc import Failed, Rpc
from tests.sandbox.company.tryton_server import DATABASE, Server
from tests.sandbox.company.tryton_template import ADMIN_LOGIN, ADMIN_PASSWORD, FILE, template


@dataclass(frozen=True, slots=True)
class Credential:
    """A log-in and its password."""

    login: str
    password: str = field(repr=False)


def _quiet(line: str) -> None:
    """Say nothing."""


class Tryton(Server):
    """The seeded server. `start` may follow `stop` on the same data; `with` does both."""

    admin = Credential(ADMIN_LOGIN, ADMIN_PASSWORD)
    bot = Credential(tryton_seed.BOT_LOGIN, tryton_seed.BOT_PASSWORD)

    def __init__(self, folder: Path, *, cache: Path = CACHE, say: Say = _quiet, full_arguments: bool = True) -> None:
        super().__init__(folder, full_arguments=full_arguments)
        self._cache, self._say = cache, say
        self._admin: Rpc | None = None

    def settings(self, secret: str) -> dict[str, str]:
        """Return the table for `[systems.crm]`; `secret` is a reference to the bot's password."""
        own = {"url": self.url, "database": DATABASE, "login": self.bot.login, "password": secret}
        return {"kind": "tryton", **own, "server_log": str(self.log)}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start on the data in `folder`, or on a copy of the template; return once the server is ready."""
        programs = install(self._cache, self._say)
        fresh = not (self.folder / FILE).exists()
        if fresh:
            self._copy(template(self._cache, programs, self._say))
        self.serve(programs)
        if fresh:
            self._export_live()

    def _copy(self, finished: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        history = (finished / "history.log").read_text(encoding="utf-8")
        self.log.write_text(tryton_seed.spread(history, datetime.now(UTC)), encoding="utf-8")
        shutil.copyfile(finished / FILE, self.folder / FILE)

    def restart(self) -> None:
        """Stop and start again on the same port and data."""
        self.stop()
        self.start()

    # --- doing things as people do

    def sign_in(self, login: str, password: str) -> Rpc:
        """Open a session; raises `tryton_rpc.Failed` where the server refuses."""
        rpc = Rpc(self.rpc_url, login, password)
        rpc.context = {"company": 1}
        return rpc

    def as_admin(self) -> Rpc:
        """Return the administrator's session."""
        if self._admin is None:
            self._admin = self.sign_in(ADMIN_LOGIN, ADMIN_PASSWORD)
        return self._admin

    def _export_live(self) -> None:
        """Have the leaver export some more, today; her session stays open, as a desktop client's would."""
        leaver = self.sign_in(LEAVER.uid, LEAVER.password)
        for start in (260, 285):
            tryton_seed.export(leaver, "sale.opportunity", start, 25)

    def set_active(self, uid: str, active: bool) -> None:
        """Open or shut an account behind the bot's back."""
        self.as_admin().call("res.user.write", [self.user_id(uid)], {"active": active})

    def reopen(self, uid: str) -> None:
        """Open an account again behind the bot's back."""
        self.set_active(uid, active=True)

    def reassign(self, record: int, uid: str) -> None:
        """Give an opportunity to somebody behind the bot's back."""
        self.as_admin().call("sale.opportunity.write", [record], {"employee": self.employee_id(uid)})

    def delete(self, record: int) -> None:
        """Delete an opportunity behind the bot's back."""
        self.as_admin().call("sale.opportunity.cancel", [record])
        self.as_admin().call("sale.opportunity.delete", [record])

    def add(self, uid: str, names: Sequence[str]) -> list[int]:
        """Make one more client with one deal for each name; return the opportunities' ids."""
        admin = self.as_admin()
        parties = admin.call("party.party.create", [{"name": name} for name in names])
        deal = Deal("Added", Decimal("1000.00"), "lead")
        rows = [tryton_seed.opportunity(deal, party, 1, 1, self.employee_id(uid)) for party in parties]
        found: list[int] = admin.call("sale.opportunity.create", rows)
        return found

    def forget_attempts(self) -> None:
        """Delete the record of wrong passwords, which slow Tryton down for five minutes."""
        if not self.query("SELECT 1 FROM res_user_login_attempt"):
            return
        connection = sqlite3.connect(self.folder / FILE, timeout=20)
        with connection:
            connection.execute("DELETE FROM res_user_login_attempt")
        connection.close()

    def forget_sessions(self, login: str) -> None:
        """Let an account's sessions run out."""
        connection = sqlite3.connect(self.folder / FILE, timeout=20)
        with connection:
            connection.execute("DELETE FROM ir_session WHERE create_uid = ?", (self.user_id(login),))
        connection.close()

    def copy(self, record: int, times: int, table: str = "sale_opportunity") -> list[int]:
        """Copy a record in the database itself, for books too long to be made through RPC in a test."""
        every = [name for _, name, *_ in self.query(f"PRAGMA table_info({table})")]
        own = ", ".join(f'"{name}"' for name in every if name not in ("id", "number"))
        copying = f"INSERT INTO {table} ({own}) SELECT {own} FROM {table} WHERE id = ?"
        numbering = f"UPDATE {table} SET number = 'C{record}.' || id WHERE id = ?"
        connection = sqlite3.connect(self.folder / FILE, timeout=20)
        with connection:
            made = [connection.execute(copying, (record,)).lastrowid for _ in range(times)]
            if "number" in every:
                connection.executemany(numbering, [(one,) for one in made])
        connection.close()
        return [number for number in made if number is not None]

    # --- the truth, from outside

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read the database file itself."""
        connection = sqlite3.connect(f"file:{self.folder / DATABASE}.sqlite?mode=ro", uri=True, timeout=20)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def user_id(self, uid: str) -> int:
        """Return the id of `res.user` for a log-in."""
        [(found,)] = self.query("SELECT id FROM res_user WHERE login = ?", uid)
        return int(found)

    def employee_id(self, uid: str) -> int:
        """Return the id of `company.employee` for a log-in."""
        [(found,)] = self.query("SELECT employee FROM res_user WHERE login = ?", uid)
        return int(found)

    def user_active(self, uid: str) -> bool:
        """Return whether the account is open."""
        [(found,)] = self.query("SELECT active FROM res_user WHERE login = ?", uid)
        return bool(found)

    def can_login(self, login: str, password: str) -> bool:
        """Try to log in, for real; no session is left behind."""
        try:
            self.sign_in(login, password).log_out()
        except Failed as error:
            if error.status == 401:
                return False
            raise
        return True

    def sessions(self, uid: str) -> int:
        """Return how many sessions the account has open."""
        [(found,)] = self.query("SELECT count(*) FROM ir_session WHERE create_uid = ?", self.user_id(uid))
        return int(found)

    def owners(self) -> dict[int, str]:
        """Return the owner's log-in for every opportunity; `""` if it has no owner."""
        rows = self.query(
            "SELECT o.id, coalesce(u.login, '') FROM sale_opportunity o LEFT JOIN res_user u ON u.employee = o.employee"
        )
        return dict(rows)

    def counts(self) -> dict[str, int]:
        """Return how many opportunities each log-in owns."""
        found: dict[str, int] = {}
        for owner in self.owners().values():
            found[owner] = found.get(owner, 0) + 1
        return found

    def states(self) -> dict[int, str]:
        """Return the state of every opportunity."""
        return dict(self.query("SELECT id, state FROM sale_opportunity"))

    def writes(self, record: int, model: str = "sale.opportunity") -> int:
        """Return how often a record (an opportunity) was written, as the server's own model log has it."""
        resource = f"{model},{record}"
        [(found,)] = self.query("SELECT count(*) FROM ir_model_log WHERE event = 'write' AND resource = ?", resource)
        return int(found)
