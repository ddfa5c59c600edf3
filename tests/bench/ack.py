"""`ack`: 200 slash commands, 50 at a time, through signed HTTP, each opening the form of the production bot."""

import socket
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from flask import Flask
from waitress.server import create_server

from tests.bench.figures import Figure, Run, percentile
from tests.sandbox.company.people import HR, LEAVER, PEOPLE, Team
from tests.sandbox.practice import Practice

COMMANDS, AT_ONCE = 200, 50
TRIGGER_SECONDS = 3.0
SLACK_LIMIT_MS, GOAL_MS = 3000.0, 300.0


def run() -> Run:
    """Measure how long Slack waits for each acknowledgement."""
    with tempfile.TemporaryDirectory() as folder, Practice(Path(folder), http=True) as practice:
        practice.slack.workspace.limits.on = False  # Slack's own limit on views.open is not what is measured
        practice.slack.as_user(HR.slack_id).command("/offboard", "help", "offboarding")
        taken = _commands(practice)
        opened = _opened(practice)
    with _bare() as url:
        floor = _posts(url)
    over = float(sum(one > SLACK_LIMIT_MS for one in taken))
    return Run(
        "ack",
        {"commands": COMMANDS, "at once": AT_ONCE, "transport": "signed http"},
        [
            Figure("over 3 s", over, "commands", goal=0.0),
            Figure("forms not opened", COMMANDS - opened, "forms", goal=0.0),
            Figure("p50", percentile(taken, 0.5), "ms", floor=percentile(floor, 0.5)),
            Figure("p99", percentile(taken, 0.99), "ms", goal=GOAL_MS, floor=percentile(floor, 0.99)),
            Figure("slowest", max(taken), "ms", floor=max(floor)),
        ],
    )


def _commands(practice: Practice) -> list[float]:
    """Type every command at the stand-in, which signs and delivers it; Slack's own clock of the acknowledgement."""
    staff = [practice.slack.as_user(person.slack_id) for person in PEOPLE if person.team is Team.PEOPLE]

    def type_one(number: int) -> float:
        return float(staff[number % len(staff)].command("/offboard", f"@{LEAVER.uid}", "offboarding").ms)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(type_one, range(COMMANDS)))


def _opened(practice: Practice) -> float:
    """Count the forms that opened while their triggers were good."""
    time.sleep(TRIGGER_SECONDS)
    return float(sum(not call.error for call in practice.slack.calls("views.open")))


def _posts(url: str) -> list[float]:
    def post(_: int) -> float:
        started = time.perf_counter()
        client.post(url, content=b"x" * 400).raise_for_status()
        return (time.perf_counter() - started) * 1000

    with (
        httpx.Client(limits=httpx.Limits(max_connections=AT_ONCE), timeout=30) as client,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        return list(pool.map(post, range(COMMANDS)))


class _bare:  # noqa: N801 - a context manager, used as a function
    """The floor: the same web server, threads and load, with nothing behind it."""

    def __enter__(self) -> str:
        web = Flask("floor")
        web.add_url_rule("/", view_func=lambda: "", methods=["POST"])
        listener = socket.create_server(("127.0.0.1", 0))
        self._server = create_server(web, sockets=[listener], threads=64)
        threading.Thread(target=self._server.run, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    def __exit__(self, *_: object) -> None:
        self._server.close()
