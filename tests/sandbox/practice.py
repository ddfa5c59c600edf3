"""The whole practice company: a real directory, a real CRM, the Slack stand-in, and the production bot."""

import base64
import html
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import ldap
import sqlalchemy as sa
from sqlmodel import Session, col, select

from tests.enrolled import App
from tests.sandbox import configuration
from tests.sandbox.company import ldif
from tests.sandbox.company.people import Employee
from tests.sandbox.company.slapd import LOCK, Slapd
from tests.sandbox.company.tryton import Tryton
from tests.sandbox.jumping import JumpClock
from tests.sandbox.ports import free_port
from tests.sandbox.slack.panel import Panel
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace
from workflows.engine.reconciler import LOCKOUTS, due_question
from workflows.storage.case import is_of
from workflows.storage.outbox import is_behind
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import Leave
from workflows.storage.rows.outbox import OutboxMessage
from workflows.storage.rows.table import bind_vault
from workflows.storage.vault import Vault

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 90.0
WORK_SECONDS, PASSING_SECONDS = 10.0, 60.0
"""Seconds for one piece of work while time passes, and for all of them. After that the clock goes on without it."""
CLOSED = frozenset({"converted", "won", "lost", "cancelled"})
"""States in which Tryton makes a deal's employee read-only (trytond-sale-opportunity 8.2, tried)."""
Say = Callable[[str], None]


def _quiet(line: str) -> None:
    """Say nothing."""


class Due(NamedTuple):
    """One piece of work of the bot that falls due."""

    at: datetime
    task: str
    row_id: str
    attempt: int


def _next(due: "set[Due]", stops: Mapping[tuple[str, str], datetime]) -> "Due | None":
    """Return where the clock stops next: at each try of a lock-out, and once a day for what is looked at again."""

    def again(piece: Due) -> bool:
        stop = stops.get((piece.task, piece.row_id))
        return stop is None or piece.at - stop >= (
            timedelta(seconds=1) if piece.task in LOCKOUTS else timedelta(days=1)
        )

    return min((piece for piece in due if again(piece)), default=None)


class NotReady(RuntimeError):
    """The bot ended, or did not come up in time; the message has the end of what it printed."""


class Practice:
    """Everything on loopback in one folder; `with` starts it and takes all of it down."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        http: bool = False,
        say: Say = _quiet,
        panel: "Callable[[Practice], Panel] | None" = None,
        database_url: str = "",
        dead_after: float | None = None,
        policy: str = "",
    ) -> None:
        """Lay out the company.

        `port`: where the page is served, 0 for a free one. `http`: signed HTTP in place of Socket Mode. `panel`: what
        hangs beside the chat. `database_url`: rows on PostgreSQL, for bots beside each other (`start_replica`), which
        are dead to the others after `dead_after` seconds. `policy`: further tables of the configuration, as TOML.
        """
        self.folder = folder
        self._say = say
        folder.mkdir(parents=True, exist_ok=True)
        self.directory = Slapd(folder / "directory")
        self.crm = Tryton(folder / "crm", say=say)
        self.clock = JumpClock(folder / "clock")
        workspace = Workspace(clock=lambda: self.clock.now().timestamp())
        self.slack = SlackServer(workspace, port=port, panel=panel(self) if panel else None)
        self.data = folder / "data"
        self.config = folder / "handover.toml"
        self._http_port = free_port() if http else None
        self._bot: subprocess.Popen[bytes] | None = None
        self._replicas: list[subprocess.Popen[bytes]] = []
        self._apps: dict[str, App] = {}
        self._one_at_a_time = threading.Lock()
        self._database_url, self._dead_after, self._policy = database_url, dead_after, policy

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:  # Ctrl-C, too: nothing that was started stays behind
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self) -> None:
        self._say("starting the directory (OpenLDAP) and the CRM (Tryton)")
        with ThreadPoolExecutor(2) as pool:
            starting: tuple[Callable[[], object], ...] = (self.directory.start, self.crm.start)
            for started in [pool.submit(start) for start in starting]:
                started.result()
        self._say("starting the Slack stand-in")
        self.slack.start()
        if self._http_port:
            self.slack.workspace.app.use_url(f"http://127.0.0.1:{self._http_port}/slack/events")
        self.config.write_text(
            configuration.toml(
                self.data, self.clock.now(), self.directory, self.crm, self.slack, self._http_port, self._database_url
            )
            + self._policy,
            encoding="utf-8",
        )
        self._say("starting the bot")
        self.start_bot()

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.stop_bot()
        self.slack.stop()
        self.crm.stop()
        self.directory.stop()

    # --- the bot

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables of the bot and the command line."""
        return {
            **os.environ,
            **configuration.secrets(self.directory, self.crm, self.slack),
            "HANDOVER_CONFIG": str(self.config),
            "PYTHONPATH": str(ROOT),
        }

    @property
    def bot_log(self) -> Path:
        """Return the bot's output."""
        return self.folder / "bot.log"

    @property
    def bot_pid(self) -> int:
        """The bot's process."""
        assert self._bot is not None
        return self._bot.pid

    @property
    def bot_runs(self) -> bool:
        """Return whether the bot's process is running."""
        return self._bot is not None and self._bot.poll() is None

    def start_bot(self) -> None:
        """Start the bot and wait until it listens."""
        self._bot = self._spawn()
        self.await_bot(self._bot)

    def start_replica(self) -> subprocess.Popen[bytes]:
        """Start one more bot on the same PostgreSQL, and wait until it listens."""
        replica = self.begin_replica()
        self.await_bot(replica)
        return replica

    def begin_replica(self, *, wrong: float = 0.0, port: int = 0) -> subprocess.Popen[bytes]:
        """Start one more bot on the same rows, and do not wait for it.

        `wrong`: seconds by which its machine's clock is wrong. `port`: another port at which it reaches PostgreSQL.
        """
        replica = self._spawn(wrong, port)
        self._replicas.append(replica)
        return replica

    def await_bot(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for the process's own word: a connection that a killed one left half open must not pass for it."""
        deadline = time.monotonic() + READY_SECONDS
        while f"ready {process.pid}\n".encode() not in self.bot_log.read_bytes() or not self._listens():
            if process.poll() is not None or time.monotonic() > deadline:
                raise NotReady(f"the bot did not come up:\n{self.bot_log.read_text(encoding='utf-8')[-3000:]}")
            time.sleep(0.05)

    @property
    def processes(self) -> dict[int, subprocess.Popen[bytes]]:
        """Every bot that was started and not stopped, by its process id, also one that has ended since."""
        return {one.pid: one for one in (self._bot, *self._replicas) if one is not None}

    def _spawn(self, wrong: float = 0.0, port: int = 0) -> subprocess.Popen[bytes]:
        dead_after = "" if self._dead_after is None else str(self._dead_after)
        config = self._config_by(port) if port else self.config
        command = ["-m", "tests.sandbox.bot", str(config), str(self.folder / "clock"), dead_after, str(wrong)]
        with self.bot_log.open("ab") as log:
            return subprocess.Popen([sys.executable, *command], env=self.environment, cwd=ROOT, stdout=log, stderr=log)

    def _config_by(self, port: int) -> Path:
        """Return a copy of the configuration in which PostgreSQL has another port."""
        text, own = self.config.read_text(encoding="utf-8"), str(sa.make_url(self._database_url).port)
        copy = self.config.with_name(f"handover-{port}.toml")
        copy.write_text(text.replace(f":{own}/", f":{port}/"), encoding="utf-8")
        return copy

    def stop_bot(self) -> None:
        """Stop the bot as an operator would, and every replica at once."""
        for replica in self._replicas:
            replica.kill()
            replica.wait()
        self._replicas.clear()
        if self._bot and self._bot.poll() is None:
            self._bot.terminate()
            try:
                self._bot.wait(15)
            except subprocess.TimeoutExpired:
                self._bot.kill()
                self._bot.wait()

    def kill_bot(self) -> None:
        """kill -9."""
        assert self._bot is not None
        self._bot.send_signal(signal.SIGKILL)
        self._bot.wait()

    def handover(
        self, *arguments: str, by: Employee | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run the `handover` command on the bot's machine. `by`: who acts, and gives a one-time code."""
        proof = {"HANDOVER_AS": by.slack_id, "HANDOVER_CODE": self.enrolled(by).next_code()} if by else {}
        return subprocess.run(
            [sys.executable, "-m", "bot", *arguments],
            env={**self.environment, **proof},
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def enrolled(self, person: Employee) -> App:
        """Return a person's authenticator app, enrolled in Slack at the first time."""
        if person.uid not in self._apps:
            user = self.slack.as_user(person.slack_id)
            user.home()
            user.wait_for(lambda: user.home_now and "Set Up Codes" in user.home_now.text)
            home = user.home_now
            assert home is not None
            home.click("Set Up Codes")
            form = user.modal("One-time codes")
            [address] = re.findall(r"otpauth:[^`]+", form.text)
            app = App.of(html.unescape(address))
            form.fill("code", app.next_code()).submit()
            user.wait_for(lambda: user.view and "is enrolled" in user.view.text)
            self._apps[person.uid] = app
        return self._apps[person.uid]

    def jump(self, seconds: float) -> None:
        """Set the bot's clock ahead at once: what falls due meanwhile is late."""
        self.clock.jump(seconds)

    def pass_time(self, seconds: float) -> None:
        """Set the bot's clock ahead, and stop wherever work falls due until the bot has done it: nothing is late.

        A bot that does not run does nothing, and what it cannot do within its seconds stays due.
        """
        with self._one_at_a_time:
            self._pass_time(seconds)

    def _pass_time(self, seconds: float) -> None:
        until, ends = self.clock.now() + timedelta(seconds=seconds), time.monotonic() + PASSING_SECONDS
        stops: dict[tuple[str, str], datetime] = {}
        while self.bot_runs and time.monotonic() < ends and (piece := _next(self._due(until), stops)):
            stops[piece.task, piece.row_id] = piece.at
            self.clock.jump(max(0.0, (piece.at - self.clock.now()).total_seconds()))
            patience = min(ends, time.monotonic() + WORK_SECONDS)
            while (piece in self._due(until) or self._tells()) and time.monotonic() < patience:
                time.sleep(0.1)
        self.clock.jump(max(0.0, (until - self.clock.now()).total_seconds()))

    def _due(self, until: datetime) -> "set[Due]":
        with self._rows() as session:
            rows = session.connection().execute(due_question(), {"until": until}).all()
        return {Due(at, task, row_id, attempt) for task, row_id, attempt, at in rows}

    def _tells(self) -> bool:
        """Return whether the bot still has something to say about what it did, at the time at which it did it."""
        waits = sa.or_(col(OutboxMessage.next_try_at).is_(None), col(OutboxMessage.next_try_at) <= self.clock.now())
        with self._rows() as session:
            return session.exec(select(OutboxMessage.id).where(is_behind(), waits)).first() is not None

    @cached_property
    def _vault(self) -> Vault:
        return Vault(base64.b64decode(self.environment["HANDOVER_MASTER_KEY"]))

    def _rows(self) -> Session:
        """Return a session that only reads the bot's rows."""
        file = f"sqlite:///file:{self.data / 'handover.sqlite'}?mode=ro&uri=true"
        engine = sa.create_engine(self._database_url or file, poolclass=sa.NullPool)
        bind_vault(engine, self._vault)
        return Session(engine)

    def has_left(self, person: Employee) -> bool:
        """Return whether the person is to be locked out by now: someone who only leaves later may log in."""
        begun = col(Case.effective_at) <= self.clock.now()
        return self._has_case(person, col(Case.state).in_([CaseState.RUNNING, CaseState.WATCHED]), begun)

    def is_on_leave(self, person: Employee) -> bool:
        """Return whether the person's clients are handed over for a time, or will be."""
        return self._has_case(person, col(Case.id).in_(select(Leave.case_id)))

    def _has_case(self, person: Employee, *which: sa.ColumnElement[bool]) -> bool:
        with self._rows() as session:
            same = is_of(self._vault, [person.email], person.slack_id)
            return session.exec(select(Case.id).where(same, *which)).first() is not None

    def _listens(self) -> bool:
        if self._http_port is None:
            return self.slack.workspace.sockets.connected > 0
        try:
            socket.create_connection(("127.0.0.1", self._http_port), 0.2).close()
        except OSError:
            return False
        return True

    # --- the truth, from outside: nothing here goes through a connector

    def can_log_in(self, person: Employee) -> dict[str, bool]:
        """Return, for each server, whether the person's own password still opens it."""
        return {
            "directory": self.directory.can_bind(person.uid, person.password),
            "crm": self.crm.can_login(person.uid, person.password),
        }

    def is_open(self, person: Employee) -> dict[str, bool]:
        """Return, for each server, whether its own data or a log-in shows the person's account open."""
        entry = self.directory.entry(person.uid)
        data = {"directory": entry is not None and LOCK not in entry, "crm": self.crm.user_active(person.uid)}
        return {name: data[name] or tried for name, tried in self.can_log_in(person).items()}

    def fixed(self, person: Employee) -> int:
        """Return the number of the person's deals whose state forbids a change of the owner."""
        states = self.crm.states()
        return sum(owner == person.uid and states[deal] in CLOSED for deal, owner in self.crm.owners().items())

    def reopen(self, person: Employee) -> None:
        """Open the person's directory account again behind the bot's back, password and all."""
        self.directory.reopen(person.uid)
        password = (ldap.MOD_REPLACE, "userPassword", [person.password.encode()])
        self.directory.modify(ldif.person_dn(person.uid), [password])

    def owned(self, person: Employee) -> int:
        """Return how many deals the CRM's own database gives to the person."""
        return self.crm.counts().get(person.uid, 0)
