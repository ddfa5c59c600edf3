"""`ack`: 200 slash commands, 50 at a time, through signed HTTP, each opening the form of the production bot.

The load comes from a light process of its own (`tests.bench.load`), and so does the floor's web server: neither shares
an interpreter with what is measured.
"""

import multiprocessing
import socket
import tempfile
import time
from contextlib import ExitStack
from multiprocessing.process import BaseProcess
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from flask import Flask
from waitress.server import create_server

from bot.slack.serve import THREADS
from tests.bench.figures import Figure, Run, percentile
from tests.bench.load import Load, request
from tests.sandbox.company.people import HR, LEAVER, PEOPLE, Team
from tests.sandbox.practice import Practice
from tests.sandbox.slack import payloads, seed
from tests.sandbox.slack.deliveries import sign

COMMANDS, AT_ONCE = 200, 50
TRIGGER_SECONDS = 3.0
SLACK_LIMIT_MS, GOAL_MS = 3000.0, 300.0


def run() -> Run:
    """Measure how long Slack waits for each acknowledgement."""
    with tempfile.TemporaryDirectory() as folder, Practice(Path(folder), http=True) as practice:
        practice.slack.workspace.limits.on = False  # Slack's own limit on views.open is not what is measured
        practice.slack.as_user(HR.slack_id).command("/offboard", "help", "offboarding")
        url = urlsplit(practice.slack.workspace.app.url("slash_commands"))
        assert url.port
        with Load(url.port, AT_ONCE) as load:
            taken = load.fire(_commands(practice, url.path))
        opened = _opened(practice)
    with _Bare() as port, Load(port, AT_ONCE) as load:
        floor = load.fire([request("/", "x" * 400, {})] * COMMANDS)
    over = float(sum(not 0 <= one <= SLACK_LIMIT_MS for one in taken))
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


def _commands(practice: Practice, path: str) -> list[str]:
    """Return every command as Slack would send it, signed, with a trigger of its own."""
    workspace = practice.slack.workspace
    staff = [person.slack_id for person in PEOPLE if person.team is Team.PEOPLE]
    channel = workspace.channels[seed.OFFBOARDING]
    text = f"<@{LEAVER.slack_id}|{LEAVER.uid}>"
    typed = [payloads.command(workspace, staff[n % len(staff)], channel, "/offboard", text) for n in range(COMMANDS)]
    return [_signed(practice, path, urlencode(one)) for one in typed]


def _signed(practice: Practice, path: str, body: str) -> str:
    stamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": sign(practice.slack.workspace.app.signing_secret, stamp, body),
    }
    return request(path, body, headers)


def _opened(practice: Practice) -> float:
    """Count the forms that opened while their triggers were good."""
    time.sleep(TRIGGER_SECONDS)
    return float(sum(not call.error for call in practice.slack.calls("views.open")))


class _Bare:
    """The floor: the same web server, threads and load, with nothing behind it."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> int:
        listener = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self._process: BaseProcess = multiprocessing.get_context("fork").Process(target=_serve_bare, args=(listener,))
        self._process.start()
        return int(listener.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self._stack.close()


def _serve_bare(listener: socket.socket) -> None:
    web = Flask("floor")
    web.add_url_rule("/", view_func=lambda: "", methods=["POST"])
    create_server(web, sockets=[listener], threads=THREADS).run()
