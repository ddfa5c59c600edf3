"""The practice company's REST CRM: a real BottleCRM on loopback, and the truth about it from outside any connector.

A start copies the database's template. The truth is read from the database file and from log-ins by magic link, never
through our connector. What people do behind the bot's back is written into the database file, too.
"""

import json
import sqlite3
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.sandbox.company.bottlecrm_install import CACHE, Say, install
from tests.sandbox.company.bottlecrm_server import FILE, Server, prepare
from tests.sandbox.company.bottlecrm_template import BOT, TOKEN, template
from tests.sandbox.company.people import DOMAIN

RECORDS = {
    "account": "accounts",
    "contact": "contacts",
    "lead": "lead",
    "opportunity": "opportunity",
    "case": "case",
    "project": "project",
    "task": "task",
}
"""Table by kind of record."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Tokens of one log-in: an access token for an hour, and a refresh token for its renewal."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)


def _quiet(line: str) -> None:
    """Say nothing."""


class BottleCrm(Server):
    """The seeded server. `start` may follow `stop` on the same data; `with` does both."""

    bot = f"{BOT}@{DOMAIN}"
    token = TOKEN

    def __init__(self, folder: Path, *, cache: Path = CACHE, say: Say = _quiet) -> None:
        super().__init__(folder)
        self._cache, self._say = cache, say

    def settings(self, secret: str) -> dict[str, str]:
        """Return the table for `[systems.NAME]`; `secret` is a reference to the bot's token."""
        return {"kind": "bottlecrm", "url": self.url, "login": self.bot, "token": secret}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start on the data in `folder`, or on a copy of the template; return once the server is ready."""
        programs = install(self._cache, self._say)
        if not (self.folder / FILE).exists():
            prepare(self.folder)
            finished = sqlite3.connect(template(self._cache, programs, self._say) / FILE)
            with sqlite3.connect(self.folder / FILE) as copy:  # by SQLite itself: part of it may be in the log beside
                finished.backup(copy)
            copy.close()
            finished.close()
        self.serve(programs)

    # --- doing things as people do

    def sign_in(self, email: str) -> SignedIn | None:
        """Follow a magic link as it would have come by mail; None where it leads to no organization."""
        token = uuid.uuid4().hex
        now = datetime.now(UTC)
        self.execute(
            "INSERT INTO magic_link_token "
            "(id, email, token, created_at, expires_at, delivery, code_hash, attempts, is_used)"
            " VALUES (?, ?, ?, ?, ?, 'link', '', 0, 0)",
            [uuid.uuid4().hex, email, token, _moment(now), _moment(now + timedelta(minutes=10))],
        )
        status, answer = self.call("POST", "/api/auth/magic-link/verify/", {"token": token})
        if status != 200 or "current_org" not in answer:
            return None
        return SignedIn(answer["access_token"], answer["refresh_token"])

    def works(self, proof: str) -> bool:
        """Return whether a token of any kind can read now."""
        return self.call("GET", "/api/contacts/?limit=1", proof=proof)[0] == 200

    def can_login(self, email: str) -> bool:
        """Try to log in and to read something, for real."""
        found = self.sign_in(email)
        return found is not None and self.works(found.access)

    def call(self, method: str, path: str, content: object = None, proof: str = "") -> tuple[int, Any]:
        """Send a request past our connector; return its status and what it answered."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {proof}"} if proof else {})
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(errors="replace")

    def set_active(self, profile: str, *, active: bool) -> None:
        """Open or shut a member's account behind the bot's back."""
        self.execute("UPDATE profile SET is_active = ? WHERE id = ?", [active, bare(profile)])

    def add_person(self, email: str, name: str, *, active: bool = True, role: str = "USER") -> str:
        """Make a new member as a copy of the bot; return the id of the profile."""
        user, profile = str(uuid.uuid4()), str(uuid.uuid4())
        self.clone("users", self.user_id(self.bot), id=bare(user), email=email, name=name)
        self.clone(
            "profile",
            self.profile_id(self.bot),
            id=bare(profile),
            user_id=bare(user),
            role=role,
            is_organization_admin=role == "ADMIN",
            is_active=active,
        )
        return profile

    def clone(self, table: str, source: str, **changes: Any) -> None:
        """Insert a copy of a row with some columns changed."""
        self.clones(table, source, [changes])

    def clones(self, table: str, source: str, copies: Sequence[Mapping[str, Any]]) -> None:
        """Insert copies of a row, each with the same columns changed."""
        names = [name for _, name, *_ in self.query(f'PRAGMA table_info("{table}")')]
        changed = [name for name in names if name in copies[0]] if copies else []
        chosen = ", ".join("?" if name in changed else f'"{name}"' for name in names)
        columns = ", ".join(f'"{name}"' for name in names)
        self.execute(
            f'INSERT INTO "{table}" ({columns}) SELECT {chosen} FROM "{table}" WHERE id = ?',
            *([*(copy[name] for name in changed), bare(source)] for copy in copies),
        )

    def assign(self, kind: str, holders: Mapping[str, Sequence[str]]) -> None:
        """Give records to exactly these, behind the bot's back."""
        table, column = f"{RECORDS[kind]}_assigned_to", owner_column(kind)
        rows = [[bare(record), bare(profile)] for record, profiles in holders.items() for profile in profiles]
        self.execute(f'DELETE FROM "{table}" WHERE {column} = ?', *([bare(record)] for record in holders))
        self.execute(f'INSERT INTO "{table}" ({column}, profile_id) VALUES (?, ?)', *rows)

    def execute(self, sql: str, *rows: Sequence[Any]) -> None:
        """Write into the database file itself, once for each row of values."""
        connection = self._open()
        with connection:
            connection.executemany(sql, rows)
        connection.close()

    # --- the truth, from outside

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read the database file itself."""
        connection = self._open()
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def profile_id(self, email: str) -> str:
        """Return the profile's id, which owns records."""
        sql = "SELECT p.id FROM profile p JOIN users u ON u.id = p.user_id WHERE u.email = ?"
        return dashed(self.query(sql, email)[0][0])

    def user_id(self, email: str) -> str:
        """Return the user's id."""
        return dashed(self.query("SELECT id FROM users WHERE email = ?", email)[0][0])

    def email(self, profile: str) -> str:
        """Return the address of a profile."""
        sql = "SELECT u.email FROM profile p JOIN users u ON u.id = p.user_id WHERE p.id = ?"
        return str(self.query(sql, bare(profile))[0][0])

    def holders(self, kind: str) -> dict[str, list[str]]:
        """Return the profiles that each record of a kind is assigned to, sorted; none is an empty list."""
        table = RECORDS[kind]
        held: dict[str, list[str]] = {dashed(number): [] for (number,) in self.query(f'SELECT id FROM "{table}"')}
        for number, profile in self.query(f'SELECT {owner_column(kind)}, profile_id FROM "{table}_assigned_to"'):
            held[dashed(number)].append(dashed(profile))
        return {number: sorted(profiles) for number, profiles in held.items()}

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.folder / FILE, timeout=20)


def owner_column(kind: str) -> str:
    """Return the column of a kind's table of assignees that names the record."""
    return {"accounts": "account_id", "contacts": "contact_id"}.get(RECORDS[kind], f"{RECORDS[kind]}_id")


def bare(number: str) -> str:
    """Return an id as the database has it."""
    return number.replace("-", "")


def dashed(number: str) -> str:
    """Return an id as the API has it."""
    return str(uuid.UUID(number))


def _moment(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M:%S.%f")
