"""The bot's services and server on slow systems, in a separate process as in production."""

import base64
import gc
import json
import logging
import subprocess
import sys
import threading
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.cli.run import THRESHOLDS
from bot.policies import read_policies
from bot.running import running
from bot.services import Services
from bot.slack.serve import serve
from bot.wiring import build_context, build_services, notifier, open_store, slack_workspace
from config.settings import Settings
from tests.bench.slow_system import system
from tests.sandbox.company.people import HR, MANAGER
from tests.sandbox.slack import seed
from tests.sandbox.slack.server import SlackServer
from workflows.cases.views import OffboardingRequest
from workflows.engine.clock_guard import ClockGuard
from workflows.engine.durable import Engine
from workflows.engine.durable import sqlite_url as engine_url
from workflows.engine.replicas import Replicas, new_id
from workflows.people import SERVICE, Actor, Leaver, Successor
from workflows.ports import SystemClock
from workflows.storage.database_clock import DatabaseClock
from workflows.storage.outbox import SINGLE_PROCESS
from workflows.storage.rows.case import Reason, Strategy
from workflows.storage.store import Store
from workflows.storage.store import sqlite_url as rows_url
from workflows.storage.vault import Vault
from workflows.systems.connection_limit import share_connections
from workflows.systems.registry import Systems

MASTER = b"k" * 32
MANY = 10_000
"""Cases an hour that the guard lets through here, where all of them leave on one day."""


@dataclass(frozen=True)
class BotArguments:
    """Arguments of the bot's start."""

    folder: str
    slack_url: str
    bot_token: str
    app_token: str
    systems: tuple[str, ...]
    leavers: int = 0
    """Cases to open before it listens, all due at the same moment."""
    database_url: str = ""
    others: int = 0
    """Bots that start after this one, before that moment."""


class SlowBot:
    """The process; `with` starts it, waits until it listens, and ends it."""

    def __init__(
        self,
        folder: Path,
        slack: SlackServer,
        systems: list[str],
        leavers: int = 0,
        database_url: str = "",
        others: int = 0,
    ) -> None:
        app = slack.workspace.app
        self._arguments = BotArguments(
            str(folder), slack.api_url, app.bot_token, app.app_token, tuple(systems), leavers, database_url, others
        )
        self._folder = folder
        self._slack = slack

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.bench.slow_bot", json.dumps(asdict(self._arguments))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        while not (line := self._process.stdout.readline()).startswith("ready"):
            assert line or self._process.poll() is None, "the bot did not come up"
        self.due = datetime.fromisoformat(line.split()[1])
        self.store = Store(self._arguments.database_url or rows_url(self._folder), Vault(MASTER))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.store.close()
        self._process.kill()  # what it still has to tell people, Slack would take minutes for
        self._process.wait()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid


def email(number: int) -> str:
    """Return the address of one of many leavers."""
    return f"leaver-{number:04}@x.example"


def main(text: str) -> None:
    """Serve until standard input ends."""
    logging.basicConfig(level=logging.ERROR)
    arguments = BotArguments(**json.loads(text))
    settings = _settings(arguments)
    systems = Systems([system(f"system-{number}", url) for number, url in enumerate(arguments.systems)])
    store = open_store(settings.storage)
    clock = DatabaseClock(store, SystemClock()) if store.postgres else SystemClock()
    shared = bool(arguments.database_url)
    engine = Engine(
        arguments.database_url or engine_url(Path(arguments.folder)), new_id() if shared else SINGLE_PROCESS
    )
    replicas = Replicas(store, engine) if shared else None
    workspace = slack_workspace(settings)
    context = build_context(settings, store, systems, clock, workspace.members)
    built = build_services(settings, context, workspace, read_policies(settings), engine.start)
    stop = threading.Event()
    with ExitStack() as stack:
        due = _open(built.services, arguments.leavers, arguments.others)
        tell = notifier(settings, built.services, store)
        if replicas:
            stack.enter_context(share_connections(store, systems, replicas.replica_id, built.dispatch.backlog))
        stack.enter_context(running(engine, built, store, clock, tell, replicas, guard=ClockGuard(str, None)))
        told: dict[str, object] = {"stop": stop, "ready": lambda _: print(f"ready {due.isoformat()}", flush=True)}
        gc.freeze()  # as `handover run` does
        gc.set_threshold(*THRESHOLDS)
        serving = threading.Thread(target=serve, args=(built.services, settings), kwargs=told)
        serving.start()
        sys.stdin.read()
        stop.set()
        serving.join()


def _settings(arguments: BotArguments) -> Settings:
    key = base64.b64encode(MASTER).decode()
    env = {
        "KEY": key,
        "BOT": arguments.bot_token,
        "APP": arguments.app_token,
        "BENCH": "practice-bench-secret-0123456789",
    }
    storage = {"path": arguments.folder, "master_key": "env:KEY", "signing_key": "env:KEY"}
    return Settings.model_validate(
        {
            "company": {"name": "Bench", "directory": "system-0"},
            "storage": {**storage, **({"url": arguments.database_url} if arguments.database_url else {})},
            "slack": {
                "bot_token": "env:BOT",
                "app_token": "env:APP",
                "api_url": arguments.slack_url,
                "port": 0,
                "case_channel": seed.OFFBOARDING,
                "security_channel": seed.SECURITY_ALERTS,
                "audit_channel": seed.ACCESS_AUDIT,
            },
            "health": {"port": 0},
            "roles": {"hr": {"users": [HR.slack_id]}},
            "actors": {"bench": {"secret": "env:BENCH", "commands": ["offboard"]}},
            "policy": {"mass_cases_per_hour": MANY, "mass_share": 1.0},
        },
        context={"env": env},
    )


def _open(services: Services, leavers: int, others: int) -> datetime:
    """Open a case for each leaver, all for one moment that is still ahead when the bot is up."""
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=10 + leavers * 0.03 + others * 5)
    manager = Successor(MANAGER.email, MANAGER.name, MANAGER.email, MANAGER.slack_id)
    for number in range(leavers):
        services.offboarding.open(
            OffboardingRequest(
                leaver=Leaver(f"Leaver {number}", email(number)),
                reason=Reason.END_OF_CONTRACT,
                effective_at=due,
                approver=manager,
                strategy=Strategy.BALANCED,
                successors=(),
                requested_by=Actor(SERVICE + "bench", "bench", terminal=True),
                channel=seed.OFFBOARDING,
            )
        )
    return due


if __name__ == "__main__":
    main(sys.argv[1])
