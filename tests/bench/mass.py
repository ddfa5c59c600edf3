"""`mass`: 500 leavers due at the same minute over 5 systems of 200 ms a request and 10 connections each.

`--on postgresql` puts the rows there, and `--bots` has so many processes share them.

Until the last of them is read back, HR types a command every half second and somebody is dismissed on the spot: neither
may wait behind the 500. Slack's rate limits are on, so that telling people about it lags behind by minutes.
"""

import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from tests.bench.figures import Figure, Run, percentile
from tests.bench.idle import processor
from tests.bench.slow_bot import SlowBot
from tests.bench.slow_system import CONNECTIONS, SlowWorld
from tests.sandbox.company.people import HR, LEAVER
from tests.sandbox.postgres import Postgres
from tests.sandbox.slack.driver import Person
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace
from workflows.storage.rows.access import Access
from workflows.storage.rows.case import Case
from workflows.storage.rows.work_state import WorkState
from workflows.storage.store import Store

LEAVERS, SYSTEMS, SECONDS, CALLS = 500, 5, 0.2, 3
SQLITE, POSTGRESQL = DATABASES = ("sqlite", "postgresql")
GOALS = {SQLITE: 1.3, POSTGRESQL: 1.5}
"""Times the floor, with one bot."""
ACCOUNT_GOALS_MS = {SQLITE: 12.0, POSTGRESQL: 15.0}
"""Processor time of all bots for an account, on the machine that `LOOP_SECONDS` names."""
LOOP, LOOP_SECONDS = 10_000_000, 0.68
"""So many additions in a Python loop take so long on the machine that the goals are set for."""
SLASH_GOAL_MS, DISMISSAL_GOAL = 1000.0, 1.5
DISMISSED_AFTER, EVERY = 8.0, 0.5
PATIENCE = 300.0


def run(on: str = SQLITE, bots: int = 1, leavers: int = LEAVERS) -> Run:
    """Measure once; the floor is what the systems' own connections take when none is ever idle."""
    if on == SQLITE and bots > 1:
        raise ValueError("several bots need PostgreSQL")
    floor = leavers * CALLS * SECONDS / CONNECTIONS
    speed = min(machine() for _ in range(3)) / LOOP_SECONDS
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(Postgres()).database("mass") if on == POSTGRESQL else ""
        world = stack.enter_context(SlowWorld(SYSTEMS, SECONDS))
        slack = stack.enter_context(SlackServer(Workspace()))
        first = stack.enter_context(SlowBot(folder, slack, world.urls, leavers, url, bots - 1))
        others = [stack.enter_context(SlowBot(folder, slack, world.urls, 0, url)) for _ in range(bots - 1)]
        observer = _MassRunObserver(slack, first, [first.pid, *(one.pid for one in others)])
        taken = observer.watch(leavers)
        truth = world.truth()
        memory = max(_megabytes(pid, "VmHWM") for pid in observer.pids)
    accounts = (leavers + 1) * SYSTEMS
    return Run(
        "mass",
        {
            "leavers": leavers,
            "systems": SYSTEMS,
            "latency": SECONDS,
            "connections": CONNECTIONS,
            "on": on,
            "bots": bots,
            "speed": speed,
        },
        [
            Figure("due to last read-back", taken, "s", goal=GOALS[on], floor=floor, of="ratio"),
            Figure("not locked", float(sum(leavers + 1 - len(one["locked"]) for one in truth)), "accounts", goal=0.0),
            Figure("locked twice", float(sum(one["twice"] for one in truth)), "accounts", goal=0.0),
            Figure("most connections", float(max(one["most"] for one in truth)), "", goal=float(CONNECTIONS)),
            Figure("slash commands, slowest", max(observer.acks), "ms", goal=SLASH_GOAL_MS),
            Figure("slash commands, p50", percentile(observer.acks, 0.5), "ms"),
            Figure("slash commands", float(len(observer.acks)), "commands"),
            Figure("dismissal meanwhile", observer.dismissal, "s", goal=DISMISSAL_GOAL, floor=CALLS * SECONDS),
            Figure(f"processor time, {bots} bot(s)", observer.processor, "s"),
            Figure(
                "processor time an account",
                1000 * observer.processor / accounts,
                "ms",
                goal=ACCOUNT_GOALS_MS[on] * speed,
            ),
            Figure("processor time of the additions", speed * LOOP_SECONDS, "s"),
            Figure("memory of a bot at most", memory, "MB"),
        ],
    )


def machine() -> float:
    """Return the processor seconds that `LOOP` additions take here."""
    began, total = time.process_time(), 0
    for number in range(LOOP):
        total += number
    assert total
    return time.process_time() - began


class _MassRunObserver:
    """Acts and measurements during the mass run."""

    def __init__(self, slack: SlackServer, bot: SlowBot, pids: list[int]) -> None:
        self._hr, self._store, self._due = slack.as_user(HR.slack_id), bot.store, bot.due
        self.acks: list[float] = []
        self.dismissal = self.processor = 0.0
        self.pids = pids

    def watch(self, leavers: int) -> float:
        """Wait for the moment, then for the last read-back; return the seconds between the two."""
        form = _form(self._hr)
        time.sleep(max(0.0, (self._due - datetime.now(UTC)).total_seconds()))
        started, over, before = time.perf_counter(), threading.Event(), self._worked()
        acts: list[tuple[Callable[..., None], Any]] = [(self._type, over), (self._dismiss, form)]
        people = [threading.Thread(target=act, args=(with_what,)) for act, with_what in acts]
        for one in people:
            one.start()
        _wait(lambda: _done(self._store, immediate=False) == leavers * SYSTEMS, 0.2)
        taken, self.processor = time.perf_counter() - started, self._worked() - before
        over.set()
        for one in people:
            one.join()
        return taken

    def _worked(self) -> float:
        return sum(map(processor, self.pids))

    def _type(self, over: threading.Event) -> None:
        for text in cycle(("list", f"@{HR.uid}", "help")):
            if over.wait(EVERY):
                return
            self.acks.append(float(self._hr.command("/offboard", text, "offboarding").ms))

    def _dismiss(self, form: "Callable[[], None]") -> None:
        time.sleep(DISMISSED_AFTER)
        started = time.perf_counter()
        form()
        _wait(lambda: _done(self._store, immediate=True) == SYSTEMS, 0.02)
        self.dismissal = time.perf_counter() - started


def _form(hr: Person) -> Callable[[], None]:
    hr.command("/offboard", f"@{LEAVER.uid}", "offboarding")
    form = hr.wait_for(lambda: hr.view if hr.view and hr.view.submit_label else None, 30)
    form.fill("when", "now").fill("reason", "dismissal")

    def submit() -> None:
        threading.Thread(target=form.submit, daemon=True).start()

    return submit


def _wait(over: Callable[[], bool], pause: float) -> None:
    deadline = time.perf_counter() + PATIENCE
    while not over():
        assert time.perf_counter() < deadline, "the lock-outs did not end"
        time.sleep(pause)


def _done(store: Store, *, immediate: bool) -> int:
    query = (
        select(sa.func.count())
        .select_from(Access)
        .join(Case, col(Access.case_id) == col(Case.id))
        .where(col(Case.immediate) == immediate, Access.state == WorkState.DONE)
    )
    with store.read() as session:
        return session.exec(query).one()


def _megabytes(pid: int, what: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith(what)).split()[1]) / 1024
