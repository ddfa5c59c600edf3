"""`proposal`: 50,000 clients over 50 colleagues, opened, searched and changed in Slack by the one who decides."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from slack_sdk import WebClient

from bot.services import Services
from bot.slack.client import web_client
from bot.slack.notifier import SlackNotifier
from tests.bench.figures import Figure, Run
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


def run() -> Run:
    """Measure the message with its first page, and searches; the floor is Slack taking the same message ready-made."""
    with tempfile.TemporaryDirectory() as folder, SlackServer(Workspace()) as slack:
        slack.workspace.limits.on = False
        stage = _stage(Path(folder))
        settings = make_settings(slack.api_url)
        fakes = FakeOffboarding(), FakeHandover(), FakeExports(), FakeAudits(), FakeJournal()
        services = replace(make_services(settings, *fakes), proposals=stage.handover.proposals)
        client = web_client(settings.slack)
        figures = _figures(stage, services, client)
    return Run("proposal", {"clients": CLIENTS, "colleagues": COLLEAGUES, "records": 2 * CLIENTS}, figures)


def _stage(folder: Path) -> Stage:
    world = World("crm")
    world.user("dana", "dana@x.example")
    colleagues = tuple(Successor(f"c{n}@x.example", f"Colleague {n}", f"c{n}@x.example") for n in range(COLLEAGUES))
    for one in colleagues:
        world.user(one.key.partition("@")[0], one.email)
    for n in range(2 * CLIENTS):
        world.record(f"opportunity:{n:06}", "dana", family=f"party:{n // 2:06}", value=n % 977)
    approver = Successor(MANAGER.email, MANAGER.name, MANAGER.email, MANAGER.slack_id)
    stage = Stage(folder, world.system(), successors=colleagues, approver=approver)
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
