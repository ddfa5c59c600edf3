"""`lockout`: one leaver in 8 systems of 300 ms a request, from the click in Slack to the last read-back."""

import base64
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from sqlmodel import select

from bot.serve import serve
from bot.wiring import notifier, open_store, running, tracks
from config.settings import Settings
from connectors.contract import AccountId, Person
from tests.bench.figures import Figure, Run
from tests.bench.slow_system import SlowAccounts, SlowServer, system
from tests.sandbox.company.people import HR, LEAVER, MANAGER
from tests.sandbox.slack import seed
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace
from workflows.engine import Engine
from workflows.engine import sqlite_url as engine_url
from workflows.model import Access, WorkState
from workflows.ports import SystemClock
from workflows.store import Store
from workflows.systems import Systems

SYSTEMS, SECONDS, GOAL = 8, 0.3, 1.3


def run() -> Run:
    """Measure once, against the slowest system's own read, write, read right before."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = [stack.enter_context(SlowServer(SECONDS)) for _ in range(SYSTEMS)]
        floor = max(_own(server.url) for server in servers)
        slack = stack.enter_context(SlackServer(Workspace(rate_limits=False)))
        systems = Systems([system(f"system-{number}", server.url) for number, server in enumerate(servers)])
        store = _bot(stack, folder, slack, systems)
        taken = _click_to_read_back(slack, store)
        locked = sum(LEAVER.email in server.locked for server in servers)
    return Run(
        "lockout",
        {"systems": SYSTEMS, "latency": SECONDS},
        [
            Figure("click to last read-back", taken, "s", goal=GOAL, floor=floor, of="ratio"),
            Figure("systems not locked", float(SYSTEMS - locked), "systems", goal=0.0),
        ],
    )


def _own(url: str) -> float:
    connector = SlowAccounts(url)
    started = time.perf_counter()
    [found] = connector.find(Person("Warm", ("warm@x.example",))).accounts
    assert found.before is not None
    connector.lock(found.before)
    connector.observe([AccountId(found.id)])
    taken = time.perf_counter() - started
    connector.close()
    return taken


def _bot(stack: ExitStack, folder: Path, slack: SlackServer, systems: Systems) -> Store:
    settings = _settings(folder, slack)
    store = open_store(settings.storage)
    engine = Engine(engine_url(folder))
    built = tracks(settings, store, systems, SystemClock(), start=engine.start)
    stack.enter_context(running(engine, built, store, SystemClock(), notifier(settings, built.services, store)))
    stop, ready = threading.Event(), threading.Event()
    serving = threading.Thread(
        target=serve, args=(built.services, settings), kwargs={"stop": stop, "ready": lambda _: ready.set()}
    )
    serving.start()
    stack.callback(serving.join)
    stack.callback(stop.set)
    ready.wait(10)
    return store


def _settings(folder: Path, slack: SlackServer) -> Settings:
    key = base64.b64encode(b"k" * 32).decode()
    env = {"KEY": key, "BOT": slack.workspace.app.bot_token, "APP": slack.workspace.app.app_token}
    return Settings.model_validate(
        {
            "company": {"name": "Bench", "directory": "system-0"},
            "storage": {"path": folder, "master_key": "env:KEY", "signing_key": "env:KEY"},
            "slack": {
                "bot_token": "env:BOT",
                "app_token": "env:APP",
                "api_url": slack.api_url,
                "port": 0,
                "case_channel": seed.OFFBOARDING,
                "security_channel": seed.SECURITY_ALERTS,
                "audit_channel": seed.ACCESS_AUDIT,
            },
            "roles": {"hr": {"users": [HR.slack_id]}},
        },
        context={"env": env},
    )


def _click_to_read_back(slack: SlackServer, store: Store) -> float:
    hr = slack.as_user(HR.slack_id)
    hr.command("/offboard", f"@{LEAVER.uid}", "offboarding")
    form = hr.wait_for(lambda: hr.view if hr.view and hr.view.submit_label else None, 30)
    form.fill("when", "now").fill("reason", "dismissal").fill("approver", MANAGER.slack_id)
    started = time.perf_counter()
    clicking = threading.Thread(target=form.submit)
    clicking.start()
    while not _all_done(store):
        assert time.perf_counter() - started < 60, "the lock-out did not end"
        time.sleep(0.005)
    taken = time.perf_counter() - started
    clicking.join()
    return taken


def _all_done(store: Store) -> bool:
    with store.read() as session:
        states = session.exec(select(Access.state)).all()
    return len(states) == SYSTEMS and set(states) == {WorkState.DONE}
