"""`lockout`: one leaver in 8 systems of 300 ms a request, from the click in Slack to the last read-back.

The bot and the systems are processes of their own, as in production; the end is seen in the bot's rows from outside.
"""

import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from sqlmodel import select

from connectors.contract import AccountId, Person
from tests.bench.figures import Figure, Run
from tests.bench.slow_bot import SlowBot
from tests.bench.slow_system import SlowAccounts, SlowWorld
from tests.sandbox.company.people import HR, LEAVER
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace
from workflows.storage.rows.access import Access
from workflows.storage.rows.work_state import WorkState
from workflows.storage.store import Store

SYSTEMS, SECONDS, GOAL = 8, 0.3, 1.3


def run() -> Run:
    """Measure once, against the slowest system's own read, write, read right before."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        world = stack.enter_context(SlowWorld(SYSTEMS, SECONDS))
        floor = max(_own(url) for url in world.urls)
        slack = stack.enter_context(SlackServer(Workspace(rate_limits=False)))
        bot = stack.enter_context(SlowBot(folder, slack, world.urls))
        taken = _click_to_read_back(slack, bot.store)
        locked = sum(LEAVER.email in system["locked"] for system in world.truth())
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


def _click_to_read_back(slack: SlackServer, store: Store) -> float:
    hr = slack.as_user(HR.slack_id)
    hr.command("/offboard", f"@{LEAVER.uid}", "offboarding")
    form = hr.wait_for(lambda: hr.view if hr.view and hr.view.submit_label else None, 30)
    form.fill("when", "now").fill("reason", "dismissal")
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
