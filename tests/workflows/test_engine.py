"""The engine port carries rows through crashes: nothing due is forgotten, nothing handed over twice runs twice."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.workflows.memory import Time
from workflows.clock import Reconciler
from workflows.engine import Engine
from workflows.engine import sqlite_url as engine_url
from workflows.model import AuditRun, WorkState
from workflows.occupancy import Occupied, occupy
from workflows.store import Store, sqlite_url
from workflows.work import finish


class Desk:
    """An engine with one task on audit rows, and a count of what ran."""

    def __init__(self, folder: Path) -> None:
        self.clock = Time()
        self.store = Store(sqlite_url(folder))
        self.store.upgrade()
        self.engine = Engine(engine_url(folder))
        self.ran: Counter[str] = Counter()
        self.crashes = 0
        self.hold: threading.Event | None = None
        for task in ("revoke", "book", "exports", "follow_up", "audit"):
            self.engine.register(task, self.run)
        self.reconciler = Reconciler(self.store, self.engine, self.clock)

    def run(self, row: str) -> None:
        self.ran[row] += 1
        if self.hold:
            self.hold.wait(10)
        if self.crashes:
            self.crashes -= 1
            raise RuntimeError("planted crash")
        with self.store.write() as session:
            finish(session, session.get_one(AuditRun, row))

    def wish(self, row: str, due: timedelta = timedelta(0)) -> None:
        with self.store.write() as session:
            session.add(AuditRun(id=row, due_at=self.clock.now() + due))

    def state(self, row: str) -> str:
        with self.store.read() as session:
            return session.get_one(AuditRun, row).state

    def tick_until_done(self, row: str, seconds: float = 10) -> None:
        end = time.monotonic() + seconds
        while self.state(row) != WorkState.DONE:
            assert time.monotonic() < end, "not done in time"
            self.reconciler.tick()
            time.sleep(0.05)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    desk.engine.launch()
    yield desk
    desk.engine.close(0)
    desk.store.close()


def test_due_work_is_done_once_however_often_it_is_handed_over(desk: Desk) -> None:
    desk.wish("a")
    desk.engine.start("audit", "a", 0)
    desk.engine.hand("audit", "a", 0)
    desk.tick_until_done("a")
    desk.engine.hand("audit", "a", 0)
    time.sleep(0.5)
    assert desk.ran["a"] == 1


def test_nothing_runs_before_its_time(desk: Desk) -> None:
    desk.wish("later", timedelta(days=30))
    desk.reconciler.tick()
    time.sleep(0.5)
    assert desk.ran["later"] == 0
    desk.clock.pass_(days=31)
    desk.tick_until_done("later")


def test_a_crash_is_healed_by_a_later_attempt(desk: Desk) -> None:
    desk.crashes = 1
    desk.wish("b")
    end = time.monotonic() + 10
    while desk.state("b") != WorkState.DONE:
        assert time.monotonic() < end
        desk.reconciler.tick()
        desk.clock.pass_(seconds=1)
        time.sleep(0.02)
    assert desk.ran["b"] == 2


def test_work_of_a_dead_process_is_taken_up_at_the_next_launch(tmp_path: Path) -> None:
    first = Desk(tmp_path)
    first.hold = threading.Event()
    first.engine.launch()
    first.wish("c")
    first.engine.start("audit", "c", 0)
    time.sleep(0.3)
    assert first.ran["c"] == 1
    first.crashes = 1
    first.engine.close(0)  # the work had not ended: to the next process it looks like a kill
    first.hold.set()
    second = Desk(tmp_path)
    second.engine.launch()
    second.tick_until_done("c")
    second.engine.close(0)


def test_a_second_process_is_told_in_words(tmp_path: Path) -> None:
    with occupy(tmp_path), pytest.raises(Occupied, match="Stop it first"), occupy(tmp_path):
        pass
    with occupy(tmp_path):
        pass
