"""`proposal`: 50,000 clients over 50 colleagues in Slack; 300,000 records listed, searched and downloaded."""

import multiprocessing
import os
import tempfile
import threading
import time
import tracemalloc
from collections import deque
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from slack_sdk import WebClient

from bot.services import Services
from bot.slack.client import web_client
from bot.slack.notifier import SlackNotifier
from bot.slack.uploads import CompressedText
from tests.bench.figures import Figure, Run
from tests.bench.idle import resident_mb
from tests.bot.conftest import make_services, make_settings
from tests.bot.fakes import FakeAudits, FakeExports, FakeHandover, FakeJournal, FakeOffboarding
from tests.sandbox.company.people import MANAGER
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace
from tests.workflows.memory import World
from tests.workflows.stage import Stage
from workflows.people import Successor
from workflows.storage.rows.outbox import MessageKind, OutboxMessage

CLIENTS, COLLEAGUES = 50_000, 50
GOAL_S, SLACK_LIMIT_S = 2.0, 3.0
LARGE_RECORDS = 300_000
LARGE_GOALS = {"processor": 40.0, "memory": 80.0, "first search": 1.0, "file memory": 20.0}


def run() -> Run:
    """Measure the message with its first page, and searches; the floor is Slack taking the same message ready-made."""
    with tempfile.TemporaryDirectory() as folder, SlackServer(Workspace()) as slack:
        slack.workspace.limits.on = False
        stage = _stage(Path(folder), 2 * CLIENTS)
        settings = make_settings(slack.api_url)
        fakes = FakeOffboarding(), FakeHandover(), FakeExports(), FakeAudits(), FakeJournal()
        services = replace(make_services(settings, *fakes), proposals=stage.handover.proposals)
        client = web_client(settings.slack)
        figures = _figures(stage, services, client)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
        figures += fresh.submit(large_book, LARGE_RECORDS).result()
    parameters = {"clients": CLIENTS, "colleagues": COLLEAGUES, "records": 2 * CLIENTS, "large": LARGE_RECORDS}
    return Run("proposal", parameters, figures)


def large_book(records: int) -> list[Figure]:
    """Measure listing, first search and the CSV file of a large book, in a process that does nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        stage = _stage(Path(folder), records, listed=False)
        listing = _Effort(stage.tick)
        shown, handover = stage.proposal(), stage.handover
        search = _Effort(lambda: handover.proposals.client_page(shown.id, 0, 100, f"{records // 2 - 1:06}"))
        download = _Effort(lambda: deque(CompressedText(handover.proposals.csv(shown.id)), maxlen=0))
        taken = _allocated_mb(lambda: deque(CompressedText(handover.proposals.csv(shown.id)), maxlen=0))
    name, goals = f"{records:,} records", LARGE_GOALS
    return [
        Figure(f"{name}: list and propose, processor", listing.processor, "s", goal=goals["processor"]),
        Figure(f"{name}: list and propose, memory", listing.memory, "MB", goal=goals["memory"]),
        Figure(f"{name}: first search", search.seconds, "s", goal=goals["first search"]),
        Figure(f"{name}: CSV file, processor", download.processor, "s"),
        Figure(f"{name}: CSV file, memory", taken, "MB", goal=goals["file memory"]),
    ]


def _allocated_mb(act: Callable[[], object]) -> float:
    """Return the megabytes of objects that an act has at most; memory that is free already counts, too."""
    tracemalloc.start()
    act()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 2**20


class _Effort:
    """The cost of an act: seconds, processor seconds, and the megabytes that it takes at most beyond those before."""

    def __init__(self, act: Callable[[], object]) -> None:
        before = self._peak = resident_mb(os.getpid())
        done = threading.Event()
        watch = threading.Thread(target=self._watch, args=(done,))
        watch.start()
        started, processor = time.perf_counter(), time.process_time()
        act()
        self.seconds, self.processor = time.perf_counter() - started, time.process_time() - processor
        done.set()
        watch.join()
        self.memory = self._peak - before

    def _watch(self, done: threading.Event) -> None:
        while not done.wait(0.02):
            self._peak = max(self._peak, resident_mb(os.getpid()))


def _stage(folder: Path, records: int, *, listed: bool = True) -> Stage:
    world = World("crm")
    world.user("dana", "dana@x.example")
    colleagues = tuple(Successor(f"c{n}@x.example", f"Colleague {n}", f"c{n}@x.example") for n in range(COLLEAGUES))
    for one in colleagues:
        world.user(one.key.partition("@")[0], one.email)
    for n in range(records):
        world.record(f"opportunity:{n:06}", "dana", family=f"party:{n // 2:06}", value=n % 977)
    approver = Successor(MANAGER.email, MANAGER.name, MANAGER.email, MANAGER.slack_id)
    stage = Stage(folder, world.system(), successors=colleagues, approver=approver)
    if listed:
        stage.tick()
    return stage


def _figures(stage: Stage, services: Services, client: WebClient) -> list[Figure]:
    shown = stage.proposal()
    handover = stage.handover
    notifier = SlackNotifier(client, services, find_post=lambda _id: None)
    post = OutboxMessage(id="p", kind=MessageKind.PROPOSAL, subject=shown.id, channel=MANAGER.slack_id)
    opened = _seconds(lambda: notifier.show(post))
    channel = client.conversations_open(users=MANAGER.slack_id)["channel"]["id"]
    message = client.conversations_history(channel=channel, limit=1)["messages"][0]
    floor = _seconds(lambda: client.chat_postMessage(channel=channel, text=message["text"], blocks=message["blocks"]))
    return [
        Figure("first page", opened, "s", goal=GOAL_S, floor=floor),
        Figure(
            "last page", _seconds(lambda: handover.proposals.client_page(shown.id, CLIENTS - 20, 20)), "s", goal=GOAL_S
        ),
        Figure(
            "first search",
            _seconds(lambda: handover.proposals.client_page(shown.id, 0, 100, "049999")),
            "s",
            goal=SLACK_LIMIT_S,
        ),
        Figure(
            "next search", _seconds(lambda: handover.proposals.client_page(shown.id, 0, 100, "04999")), "s", goal=1.0
        ),
    ]


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
