"""The side panel "What the servers say": read from the servers themselves, never from the bot.

Data is read each second, and log-ins are tried every few seconds, both in the background. The panel answers at once.
A server that is away or hangs affects only its own card.
"""

import socket
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass

import ldap
import sqlalchemy as sa

from tests.sandbox.asker import Asker, Said
from tests.sandbox.company import ldif
from tests.sandbox.company.people import BY_UID, MANAGER, Employee
from tests.sandbox.company.slapd import LOCK
from tests.sandbox.company.tryton_rpc import Failed
from tests.sandbox.practice import Practice
from tests.sandbox.slack.panel import Tone, TruthCard
from tests.sandbox.story import SUCCESSORS

READ_SECONDS, LOG_IN_SECONDS = 1.0, 5.0
FIRST_SECONDS = 0.1
"""Seconds that the first read of the page waits for each answer."""
SHOWN = (*SUCCESSORS, MANAGER.uid)
"""People whose deals are counted beside the person's own."""
LATE_SECONDS = 3.0
"""A server that takes longer than this to answer is shown as silent."""
FAULTS = (
    OSError,
    ldap.LDAPError,
    sqlite3.Error,
    sa.exc.SQLAlchemyError,
    Failed,
    ValueError,
)  # ValueError: a row that is not there

Line = tuple[str, str, Tone]


@dataclass(frozen=True)
class InDirectory:
    """The directory's state of the person."""

    lock: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class InCrm:
    """The CRM's state of the person. `owned`: their deals; `fixed`: those whose owner nobody can change."""

    active: bool
    sessions: int
    counts: Mapping[str, int]
    owned: int
    fixed: int


@dataclass(frozen=True)
class Tried:
    """A log-in with the person's own password, tried for real; `at` is monotonic."""

    works: bool
    at: float


class Truth:
    """Asks the directory and the CRM about one person.

    What is bad once somebody has left is neither good nor bad before.
    """

    def __init__(self, practice: Practice, person: Employee) -> None:
        self._practice, self._person = practice, person
        self._left = Asker(lambda: practice.has_left(person), READ_SECONDS, FAULTS)
        self._entry = Asker(self._read_directory, READ_SECONDS, FAULTS)
        self._rows = Asker(self._read_crm, READ_SECONDS, FAULTS)
        self._binds = Asker(self._bind, LOG_IN_SECONDS, FAULTS)
        self._logs_in = Asker(self._log_in, LOG_IN_SECONDS, FAULTS)
        self._last: tuple[str, bool | None] = ("", None)
        self._at_open: Tried | None = None

    def cards(self) -> list[TruthCard]:
        """Return what both servers said last, and how long ago; never raises."""
        entry, rows = self._entry.said(FIRST_SECONDS), self._rows.said(FIRST_SECONDS)
        self._try_again_after_a_change(entry.value, rows.value)
        return [self._directory(entry), self._crm(rows)]

    def locked(self) -> bool:
        """Return whether both servers' data and both log-ins show the person locked out."""
        entry, rows = self._entry.said().value, self._rows.said().value
        closed = entry is not None and entry.lock != "" and rows is not None and not rows.active
        tries = (self._binds.said().value, self._logs_in.said().value)
        return closed and all(tried is not None and not tried.works for tried in tries)

    def locked_in_directory(self) -> bool:
        """Return whether the directory's data and the log-in there show the person locked out."""
        entry, tried = self._entry.said().value, self._binds.said().value
        return entry is not None and entry.lock != "" and tried is not None and not tried.works

    def open(self) -> bool:
        """Return whether both servers' data and both log-ins show the person's accounts open."""
        entry, rows = self._entry.said().value, self._rows.said().value
        opened = entry is not None and not entry.lock and rows is not None and rows.active
        tries = (self._binds.said().value, self._logs_in.said().value)
        return opened and all(tried is not None and tried.works for tried in tries)

    def owned(self) -> int | None:
        """Return the number of the person's deals, or None as long as nobody has read it."""
        rows = self._rows.said().value
        return None if rows is None else rows.owned

    def handed_over(self) -> bool:
        """Return whether the person has no deal left that can be given away."""
        rows = self._rows.said().value
        return rows is not None and rows.owned <= rows.fixed

    def _try_again_after_a_change(self, entry: InDirectory | None, rows: InCrm | None) -> None:
        now = (entry.lock if entry else "", rows.active if rows else None)
        if now != self._last:
            self._binds.ask_now()
            self._logs_in.ask_now()
        self._last = now

    # --- asking, in the background

    def _read_directory(self) -> InDirectory:
        directory, dn = self._practice.directory, ldif.person_dn(self._person.uid).encode()
        lock = (directory.entry(self._person.uid) or {}).get(LOCK, [b""])[0].decode()
        groups = sorted(name for name, group in directory.groups().items() if dn in group.get("member", ()))
        return InDirectory(lock, tuple(groups))

    def _read_crm(self) -> InCrm:
        practice, crm = self._practice, self._practice.crm
        # its database file can be read even when the server is down
        socket.create_connection(("127.0.0.1", _port(crm.url)), 1).close()
        active, sessions = crm.user_active(self._person.uid), crm.sessions(self._person.uid)
        counts = crm.counts()
        return InCrm(active, sessions, counts, counts.get(self._person.uid, 0), practice.fixed(self._person))

    def _bind(self) -> Tried:
        return Tried(self._practice.directory.can_bind(self._person.uid, self._person.password), time.monotonic())

    def _log_in(self) -> Tried:
        """Try the CRM; once only while the account is open: each try makes a session, which the bot may just count."""
        crm = self._practice.crm
        if not crm.user_active(self._person.uid):
            self._at_open = None
        elif self._at_open is not None and self._at_open.works:
            return self._at_open
        tried = Tried(crm.can_login(self._person.uid, self._person.password), time.monotonic())
        crm.forget_attempts()  # each refused try makes the next ones slower, the bot's too
        if tried.works:
            self._at_open = tried
        return tried

    # --- showing

    def _directory(self, said: Said[InDirectory]) -> TruthCard:
        lines: list[Line] = []
        if (entry := said.value) is not None:
            lines = [
                self._log_in_line(self._binds.said(FIRST_SECONDS)),
                (LOCK, entry.lock or "not set", self._tone(good=bool(entry.lock))),
                ("Groups", " · ".join(entry.groups) or "none", self._tone(good=not entry.groups)),
            ]
        server = f"OpenLDAP, port {_port(self._practice.directory.url)}"
        return _card(f"{self._person.name} in the directory", server, lines, said, self._binds.said().value)

    def _crm(self, said: Said[InCrm]) -> TruthCard:
        lines: list[Line] = []
        if (rows := said.value) is not None:
            fixed = ", all closed" if 0 < rows.owned <= rows.fixed else ""
            lines = [
                self._log_in_line(self._logs_in.said(FIRST_SECONDS)),
                ("Account", "active" if rows.active else "not active", self._tone(good=not rows.active)),
                ("Open sessions", str(rows.sessions), self._tone(good=not rows.sessions)),
                (f"Deals of {self._person.name}", f"{rows.owned}{fixed}", "plain"),
                *((f"… of {BY_UID[uid].name}", str(rows.counts.get(uid, 0)), "plain") for uid in SHOWN),
                ("Deals in all", str(sum(rows.counts.values())), "plain"),
            ]
        server = f"Tryton, port {_port(self._practice.crm.url)}"
        return _card(f"{self._person.name} in the CRM", server, lines, said, self._logs_in.said().value)

    def _tone(self, *, good: bool) -> Tone:
        """Return how a fact is marked. If nobody can tell whether the person has left, it counts as if they had."""
        if self._left.said(FIRST_SECONDS).value is False:
            return "plain"
        return "good" if good else "bad"

    def _log_in_line(self, said: Said[Tried]) -> Line:
        label = "Log-in, tried for real"
        if said.problem or said.waiting > LATE_SECONDS:
            return label, "no answer", "bad"
        if said.value is None:
            return label, "is being tried", "plain"
        return label, "works" if said.value.works else "refused", self._tone(good=not said.value.works)


def _card(
    title: str, server: str, lines: list[Line], said: Said[InDirectory] | Said[InCrm], tried: Tried | None
) -> TruthCard:
    if said.problem:
        lines = [("The server", "does not answer", "bad")]
    elif said.waiting > LATE_SECONDS:
        lines = [("The server", f"does not answer, for {said.waiting:.0f} s now", "bad")]
    elif not lines:
        lines = [("The server", "is being asked", "plain")]
    log_in = f", log-in {time.monotonic() - tried.at:.0f} s" if tried else ""
    return TruthCard(title, server, lines, f"read {said.seconds:.0f} s{log_in} ago")


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
