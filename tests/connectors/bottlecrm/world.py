"""The practice BottleCRM as the conformance suites see it: one world for each suite, all on one server.

Connectors reach the server through a front that can be absent, silent or lossy; the truth comes from the database file.
Triggers in that file count the bot's writes.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from pydantic import SecretStr

from connectors.bottlecrm.connector import BottleCrm as Connector
from connectors.bottlecrm.settings import BottleCrmSettings
from connectors.conformance.accounts import Newcomer
from connectors.contract import AccountId, RecordId
from tests.connectors.bottlecrm.front import Front, losing
from tests.sandbox.company.bottlecrm import RECORDS, BottleCrm, bare, dashed, owner_column

WATCHED = {"profile": "profile"} | RECORDS
NAMED = {"contact": "last_name", "lead": "title", "task": "title"}
"""The column with a record's name, if it is not `name`."""
NOISE = frozenset({"updated_at", "updated_by_id"})
"""Columns with the time and author of a row's last write."""


class World:
    """Changes the CRM past its API, reads its database file; connects as the bot."""

    patience = 8.0

    def __init__(self, server: BottleCrm, front: Front, folder: Path) -> None:
        self.server, self.front, self.folder = server, front, folder
        self._connectors: list[Connector] = []

    def close(self) -> None:
        """Close every connector."""
        for connector in self._connectors:
            connector.close()

    def settings(self, **changes: Any) -> BottleCrmSettings:
        values = {"url": self.front.url, "login": self.server.bot, "token": SecretStr(self.server.token)}
        return BottleCrmSettings.model_validate(values | changes)

    def session(self) -> Path:
        """Sign the bot in, and store its refresh token in a separate file."""
        signed_in = self.server.sign_in(self.server.bot)
        assert signed_in is not None
        file = self.folder / f"session-{uuid4().hex}"
        file.write_text(signed_in.refresh)
        return file

    def connect(self, password: str = "good") -> Connector:
        token = self.server.token if password == "good" else f"bcrm_pat_{password}"
        return self.connector(token=SecretStr(token))

    def connector(self, **changes: Any) -> Connector:
        self._connectors.append(Connector(self.settings(**changes)))
        return self._connectors[-1]

    def nobody(self) -> AccountId:
        return AccountId(str(uuid4()))

    def missing(self) -> Any:
        return str(uuid4())

    def person(self) -> AccountId:
        tag = uuid4().hex[:10]
        return AccountId(self.server.add_person(f"p.{tag}@northwind.example", f"Person {tag}"))

    def may_sign_in(self, account: AccountId) -> bool:
        return self.server.can_login(self.server.email(account))

    def stopped(self) -> AbstractContextManager[None]:
        return self.front.stopped()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Use short time limits only meanwhile: a busy machine is not a silent server."""
        clients = [connector._api for connector in self._connectors]
        usual = [client.timeout for client in clients]
        for client in clients:
            client.timeout = httpx.Timeout(0.4)
        with self.front.silent():
            yield
        for client, timeout in zip(clients, usual, strict=True):
            client.timeout = timeout

    def written(self, *what: str) -> int:
        """Return the number of updates of these rows since the server's first start."""
        marks = ", ".join("?" for _ in what)
        return int(self.server.query(f"SELECT count(*) FROM practice_writes WHERE what IN ({marks})", *what)[0][0])


def watch(server: BottleCrm) -> None:
    """Let the database itself count every update of members and records."""
    server.execute("CREATE TABLE IF NOT EXISTS practice_writes (what TEXT, id TEXT)", [])
    for what, table in WATCHED.items():
        server.execute(
            f'CREATE TRIGGER IF NOT EXISTS practice_{what} AFTER UPDATE ON "{table}" '
            f"BEGIN INSERT INTO practice_writes VALUES ('{what}', NEW.id); END",
            [],
        )


class AccountsWorld(World):
    """World of the accounts suite."""

    def add(self, who: Newcomer) -> AccountId:
        return AccountId(self.server.add_person(who.email, who.name))

    def truth(self) -> Mapping[AccountId, object]:
        names = [row[1] for row in self.server.query("PRAGMA table_info(profile)") if row[1] not in NOISE]
        rows = self.server.query(f"SELECT {', '.join(names)} FROM profile ORDER BY id")
        return {AccountId(dashed(row[names.index("id")])): row for row in rows}

    def writes(self) -> int:
        return self.written("profile")

    def can_log_in(self, login: str, password: str) -> bool:
        return self.server.can_login(login)

    def reopen(self, account: AccountId) -> None:
        self.server.set_active(account, active=True)

    def secrets(self) -> Sequence[str]:
        return (self.server.token,)


class TokensWorld(World):
    """World of the tokens suite."""

    def __init__(self, server: BottleCrm, front: Front, folder: Path) -> None:
        super().__init__(server, front, folder)
        self._file = self.session()
        self._kept: dict[str, str] = {}

    def connect(self, password: str = "good") -> Connector:
        self._connectors.append(Connector(self.settings(session_file=self._file)))
        return self._connectors[-1]

    def issue(self, account: AccountId, name: str, scopes: str = "[]") -> str:
        token, secret = str(uuid4()), f"bcrm_pat_{uuid4().hex}"
        bots = self.server.query("SELECT id FROM personal_access_token WHERE name = 'Handover'")[0][0]
        self.server.clone(
            "personal_access_token",
            bots,
            id=bare(token),
            profile_id=bare(account),
            name=name,
            scopes=scopes,
            token_hash=hashlib.sha256(secret.encode()).hexdigest(),
            token_prefix=f"x{secret[-9:]}",
        )
        self._kept[token] = secret
        return token

    def works(self, token: str) -> bool:
        return self.server.works(self._kept[token])

    def holding(self, token: str, login: str) -> Connector:
        """Return a connector whose own token is a kept token."""
        settings = self.settings(token=SecretStr(self._kept[token]), login=login)
        self._connectors.append(Connector(settings))
        return self._connectors[-1]


class BookWorld(World):
    """World of the client book suite, with tasks; `some` has records of every kind."""

    def seller(self, *, active: bool = True) -> AccountId:
        tag = uuid4().hex[:10]
        return AccountId(self.server.add_person(f"s.{tag}@northwind.example", f"Seller {tag}", active=active))

    def add(self, owner: AccountId, names: Sequence[str]) -> list[RecordId]:
        [(task,)] = self.server.query("SELECT id FROM task WHERE account_id IS NOT NULL LIMIT 1")
        made = {str(uuid4()): name for name in names}
        self.server.clones(
            "task", task, [{"id": bare(number), "title": name, "account_id": None} for number, name in made.items()]
        )
        self.server.assign("task", {number: [owner] for number in made})
        return [RecordId(f"task:{number}") for number in made]

    def some(self, owner: AccountId, *others: AccountId) -> list[RecordId]:
        """Copy one record of every kind, with its dependent rows, and give the copies to these people."""
        return [self._copy(kind, [owner, *others]) for kind in RECORDS]

    def _copy(self, kind: str, holders: Sequence[AccountId]) -> RecordId:
        table, column, number = RECORDS[kind], owner_column(kind), str(uuid4())
        hanging = [hung for hung in ("teams", "tags", "contacts") if self._is_table(f"{table}_{hung}")]
        sql = f'SELECT {column} FROM "{table}_teams"' if "teams" in hanging else f'SELECT id FROM "{table}"'
        source = self.server.query(f"{sql} LIMIT 1")[0][0]
        self.server.clone(table, source, id=bare(number), **{NAMED.get(kind, "name"): f"Copy {number}"})
        for hung in hanging:
            columns = [row[1] for row in self.server.query(f'PRAGMA table_info("{table}_{hung}")')]
            [other] = set(columns) - {"id", column}
            self.server.execute(
                f'INSERT INTO "{table}_{hung}" ({column}, {other}) SELECT ?, {other} '
                f'FROM "{table}_{hung}" WHERE {column} = ?',
                [bare(number), source],
            )
        if kind == "contact":  # BottleCRM links a contact to its company at each write, if the link is missing
            self.server.execute(
                "INSERT INTO accounts_contacts (account_id, contact_id) SELECT account_id, ? "
                "FROM accounts_contacts WHERE contact_id = ?",
                [bare(number), source],
            )
        self.server.assign(kind, {number: holders})
        return RecordId(f"{kind}:{number}")

    def _is_table(self, name: str) -> bool:
        return bool(self.server.query("SELECT 1 FROM sqlite_master WHERE name = ?", name))

    def missing(self) -> RecordId:
        return RecordId(f"task:{uuid4()}")

    def owners(self) -> Mapping[RecordId, AccountId]:
        return {
            RecordId(f"task:{number}"): AccountId(",".join(held))
            for number, held in self.server.holders("task").items()
            if held
        }

    def contents(self) -> Mapping[RecordId, object]:
        return self.rows("task")

    def rows(self, kind: str) -> dict[RecordId, object]:
        """Return all values of the records of a kind and of their dependent rows, except the assignees."""
        table, column = RECORDS[kind], owner_column(kind)
        names = [row[1] for row in self.server.query(f'PRAGMA table_info("{table}")') if row[1] not in NOISE]
        chosen = ", ".join(f'"{name}"' for name in names)
        found = {bare(row[names.index("id")]): [row] for row in self.server.query(f'SELECT {chosen} FROM "{table}"')}
        for hung in ("teams", "tags", "contacts"):
            if self._is_table(f"{table}_{hung}"):
                for row in self.server.query(f'SELECT {column}, * FROM "{table}_{hung}" ORDER BY id'):
                    found[row[0]].append((hung, *row[2:]))
        return {RecordId(f"{kind}:{dashed(number)}"): tuple(rows) for number, rows in found.items()}

    def writes(self) -> int:
        return self.written("task")

    def take(self, record: RecordId, by: AccountId) -> None:
        kind, _, number = record.partition(":")
        self.server.assign(kind, {number: [by]})

    def delete(self, record: RecordId) -> None:
        number = bare(record.partition(":")[2])
        for hung in ("assigned_to", "teams", "tags", "contacts"):
            self.server.execute(f"DELETE FROM task_{hung} WHERE task_id = ?", [number])
        self.server.execute("DELETE FROM task WHERE id = ?", [number])

    @contextmanager
    def losing_answers(self) -> Iterator[None]:
        with self.front.behaving(losing("PATCH")):
            yield


class IntroductionsWorld(BookWorld):
    """World of the suite of introductions; its clients are companies."""

    def client(self, owner: AccountId) -> RecordId:
        return self._copy("account", [owner])

    def missing(self) -> RecordId:
        return RecordId(f"account:{uuid4()}")

    def told(self, client: RecordId) -> Sequence[tuple[str, AccountId]]:
        kind, _, number = client.partition(":")
        rows = self.server.query(
            f"SELECT task.description, held.profile_id FROM task JOIN task_assigned_to held ON held.task_id = task.id "
            f"WHERE task.{kind}_id = ? AND task.title LIKE '%HO-%'",
            bare(number),
        )
        return [(text, AccountId(dashed(profile))) for text, profile in rows]

    def contents(self) -> Mapping[RecordId, object]:
        return self.rows("account")

    def undo(self, client: RecordId) -> None:
        for (number,) in self.server.query(
            "SELECT id FROM task WHERE account_id = ? AND title LIKE '%HO-%'", bare(client.partition(":")[2])
        ):
            self.delete(RecordId(f"task:{number}"))

    @contextmanager
    def losing_answers(self) -> Iterator[None]:
        with self.front.behaving(losing("POST")):
            yield
