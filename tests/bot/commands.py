"""The command line with services in memory, or in a process of its own."""

import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from typer.testing import CliRunner, Result

from bot.cli.app import make_app
from bot.services import Services
from config.secrets import Secret
from config.settings import Settings
from connectors.contract import Accounts, Limits, Lookup, Manifest
from connectors.errors import BadCredential
from tests.bot.conftest import make_services
from tests.bot.fakes import (
    FakeAudits,
    FakeClientAnswers,
    FakeClockRecord,
    FakeDutyDecisions,
    FakeExports,
    FakeFigures,
    FakeHalts,
    FakeHandover,
    FakeJournal,
    FakeLeaves,
    FakeLinking,
    FakeOffboarding,
    FakePutBacks,
)
from tests.enrolled import App, ForwardClock, enrol
from tests.workflows.tables import lay_out
from workflows.engine.replicas import ProcessLockHeld
from workflows.people import Actor
from workflows.storage.enrolments import Enrolments
from workflows.storage.journal import Journal
from workflows.storage.marks import Marks
from workflows.storage.store import Store, sqlite_url
from workflows.storage.vault import Vault
from workflows.systems.registry import System, Systems

ROOT = Path(__file__).resolve().parents[2]
KEY = "A" * 43 + "="
VAULT = Vault(b64decode(KEY))
ENV = {"MASTER": KEY, "SIGNING": KEY, "BOT": "xoxb-practice", "APP": "xapp-practice", "SHOP": "open sesame"}
TESS = Actor("cli:tess", "tess")
"""The operator of these tests. She has every role, is enrolled, and gives a code with each command."""
CLOCK = ForwardClock()
"""The clock of one-time codes. It moves on before each command, since a code counts once."""
APPS: dict[str, App] = {}
"""The operator's authenticator app, by configuration file."""


class ShopSettings(BaseModel):
    """A shop for these tests."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    url: str
    """Address of the shop."""
    password: Secret
    depth: int = 3


class Shop(Accounts):
    """Connector that accepts one password."""

    def __init__(self, settings: ShopSettings) -> None:
        self._good = settings.password.get_secret_value() == ENV["SHOP"]

    def check(self) -> str:
        if not self._good:
            raise BadCredential("the shop refused the password")
        return "the shop is open"

    def close(self) -> None: ...

    def find(self, person: Any) -> Lookup:
        raise NotImplementedError

    def read(self, accounts: Any) -> Any:
        raise NotImplementedError

    def observe(self, accounts: Any) -> Any:
        raise NotImplementedError

    def before(self, account: Any) -> Any:
        raise NotImplementedError

    def lock(self, before: Any) -> Any:
        raise NotImplementedError

    def unlock(self, before: Any) -> Any:
        raise NotImplementedError


SHOP = Manifest("shop", "A shop", Shop, ShopSettings, Limits(), ("The shop cannot end sessions.",))


@dataclass
class Application:
    services: Services
    store: Store


@dataclass
class Wiring:
    """Replacement of `bot.wiring`: real settings and shops, services in memory."""

    offboarding: FakeOffboarding = field(default_factory=FakeOffboarding)
    audits: FakeAudits = field(default_factory=FakeAudits)
    linking: FakeLinking = field(default_factory=FakeLinking)
    halts: FakeHalts = field(default_factory=FakeHalts)
    put_backs: FakePutBacks = field(default_factory=FakePutBacks)
    leaves: FakeLeaves = field(default_factory=FakeLeaves)
    duty_decisions: FakeDutyDecisions = field(default_factory=FakeDutyDecisions)
    answers: FakeClientAnswers = field(default_factory=FakeClientAnswers)
    clock_record: FakeClockRecord = field(default_factory=FakeClockRecord)
    keys: Any = None
    figures: FakeFigures = field(default_factory=FakeFigures)
    occupied: bool = False
    broken: BaseException | None = None
    modes: list[str] = field(default_factory=list)

    def manifests(self) -> tuple[Manifest, ...]:
        return (SHOP,)

    def outside_kinds(self) -> tuple[Any, ...]:
        return ()

    def settings_of(self, kind: str) -> type[BaseModel]:
        if kind != SHOP.kind:
            raise LookupError(f"{kind!r} is not a known kind of system; known: {SHOP.kind}")
        return SHOP.settings

    def build_systems(self, settings: Settings) -> Systems:
        return Systems([System(name, SHOP, Shop(table.settings)) for name, table in settings.systems.items()])  # type: ignore[arg-type]

    @contextmanager
    def assemble(self, settings: Settings, *, mode: str) -> Iterator[Application]:
        self.modes.append(mode)
        if self.broken:
            raise self.broken
        if mode == "run" and self.occupied:
            raise ProcessLockHeld("another Handover (process 7) works on /data. Stop it first")
        services = make_services(
            settings,
            self.offboarding,
            FakeHandover(),
            FakeExports(),
            self.audits,
            FakeJournal(),
            self.linking,
            halts=self.halts,
            put_backs=self.put_backs,
            leaves=self.leaves,
            answers=self.answers,
        )
        store = Store(sqlite_url(settings.storage.path), VAULT)
        try:
            store.upgrade()
            made: dict[str, Any] = {"enrolments": make_enrolments(store), "clock_record": self.clock_record}
            made |= {"keys": self.keys, "figures": self.figures, "duty_decisions": self.duty_decisions}
            yield Application(replace(services, **made), store)
        finally:
            store.close()


def make_enrolments(store: Store) -> Enrolments:
    """Return the enrolments in a store, under the tests' keys."""
    journal = Journal(store, CLOCK, b64decode(KEY), Marks(b"m" * 32))
    return Enrolments(store, VAULT, journal, CLOCK, "Handover Northwind")


def configuration(folder: Path, api_url: str = "http://127.0.0.1:9/api/", more: str = "") -> Path:
    """Write a valid settings file. Nothing answers at its Slack address."""
    (folder / "data").mkdir(mode=0o700, exist_ok=True)
    path = folder / "handover.toml"
    path.write_text(
        f"""
[company]
name = "Northwind"
timezone = "Europe/Berlin"
directory = "shop"
[storage]
path = "{folder / "data"}"
master_key = "env:MASTER"
signing_key = "env:SIGNING"
[slack]
bot_token = "env:BOT"
app_token = "env:APP"
api_url = "{api_url}"
case_channel = "C0OFFBOARDING"
security_channel = "C0SECURITYALERTS"
audit_channel = "C0ACCESSAUDIT"
[roles.hr]
users = ["U0HR"]
[systems.shop]
kind = "shop"
url = "https://shop.example"
password = "env:SHOP"
[actors.tess]
email = "tess@x.example"
roles = ["hr", "approver", "security", "admin"]
{more}
""",
        encoding="utf-8",
    )
    store = Store(sqlite_url(folder / "data"), VAULT)
    lay_out(store)
    APPS[str(path)] = enrol(make_enrolments(store), TESS, CLOCK.now())
    store.close()
    return path


def handover(wiring: Wiring, *arguments: str, env: Mapping[str, str] | None = None, typed: str | None = None) -> Result:
    """Run one command in this process, with a code of the operator where the configuration has her."""
    CLOCK.next_period()
    app = next((APPS[one] for one in arguments if one in APPS), None)
    proof = {"HANDOVER_AS": "tess", "HANDOVER_CODE": app.code(CLOCK.now())} if app else {}
    return CliRunner().invoke(make_app(), [*arguments], obj=wiring, env={**ENV, **proof, **(env or {})}, input=typed)


def document(result: Result) -> Any:
    """Return the JSON of a command that printed nothing else on standard output."""
    return json.loads(result.stdout)


def process(*arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run one command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "COLUMNS": "100", **(env or {})},
    )
