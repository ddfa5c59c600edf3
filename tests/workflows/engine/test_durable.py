"""The engine port carries rows through crashes: nothing due is forgotten, nothing handed over twice runs twice."""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import select

from tests.sandbox.postgres import Postgres
from tests.workflows.memory import Time
from tests.workflows.tables import VAULT, lay_out
from workflows.engine.durable import WORKERS, Engine
from workflows.engine.reconciler import HORIZON, MASS_RUN, OTHERS_EVERY, Reconciler
from workflows.engine.replicas import ProcessLockHeld, process_lock
from workflows.storage.rows.access import Access
from workflows.storage.rows.case import Case
from workflows.storage.rows.watch import AuditRun
from workflows.storage.rows.work_state import WorkState
from workflows.storage.store import Store, connect, sqlite_url
from workflows.storage.work import FIRST_RETRY, again, finish

PATIENCE = 60.0
"""Seconds for what takes parts of one: a busy machine is no fault."""
QUIET_THREADS = {
    "engine starter",
    "dbos executor",
    "Thread ( run event loop)",
    "Thread (run notification listener)",
    "Thread (run notifier)",
}
"""Threads of an engine that send no query while there is nothing to do."""


class Desk:
    """An engine with one task on audit rows, and a count of what ran."""

    def __init__(self, url: str, executor: str = "local") -> None:
        self.clock = Time()
        self.threads = {thread.name for thread in threading.enumerate()}
        self.store = Store(url, VAULT)
        lay_out(self.store)
        self.engine = Engine(url.replace("handover.sqlite", "engine.sqlite"), executor)
        self.ran: Counter[str] = Counter()
        self.crashes = 0
        self.hold: threading.Event | None = None
        for task in ("lockout", "revoke", "book", "exports", "follow_up", "audit"):
            self.engine.register(task, self.run)
        self.reconciler = Reconciler(self.store, self.engine, self.clock)

    def run(self, row: str) -> None:
        self.ran[row] += 1
        if self.hold:
            self.hold.wait(PATIENCE)
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

    def wait_for(self, wanted: Callable[[], bool], seconds: float = PATIENCE) -> None:
        end = time.monotonic() + seconds
        while not wanted():
            assert time.monotonic() < end, "did not come"
            time.sleep(0.02)

    def has_ended(self, row: str) -> bool:
        """Return whether the first attempt at a row has ended here, and the engine recorded that."""
        piece = "audit", row, 0
        return piece not in self.engine.pieces() and piece in self.engine.survey([piece]).ended

    def tick_until_done(self, row: str, seconds: float = PATIENCE) -> None:
        end = time.monotonic() + seconds
        while self.state(row) != WorkState.DONE:
            assert time.monotonic() < end, "not done in time"
            self.reconciler.tick()
            time.sleep(0.05)


@pytest.fixture
def context(url: str) -> Iterator[Desk]:
    context = Desk(url)
    context.engine.launch()
    yield context
    context.engine.close(0)
    context.store.close()


@contextmanager
def asked(rows: Any) -> Iterator[list[str]]:
    """Collect the statements that reach the database."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    sa.event.listen(rows, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sa.event.remove(rows, "before_cursor_execute", note)


def test_due_work_is_done_once_however_often_it_is_handed_over(context: Desk) -> None:
    context.wish("a")
    context.engine.start("audit", "a", 0)
    context.engine.enqueue("audit", "a", 0)
    context.tick_until_done("a")
    context.wait_for(lambda: not context.engine.pieces())
    context.engine.enqueue("audit", "a", 0)
    context.wait_for(lambda: not context.engine.pieces())
    assert context.ran["a"] == 1


def test_nothing_runs_before_its_time(context: Desk) -> None:
    context.wish("later", timedelta(days=30))
    context.reconciler.tick()
    assert not context.engine.pieces()
    context.clock.pass_(days=31)
    context.tick_until_done("later")


def test_a_tick_is_one_question_and_knows_when_the_next_is_due(context: Desk) -> None:
    with asked(context.store._reader) as questions:
        assert context.reconciler.tick() == HORIZON.total_seconds()
        context.wish("later", timedelta(days=30))
        assert context.reconciler.tick() == HORIZON.total_seconds()
        context.wish("soon", timedelta(seconds=2))
        assert context.reconciler.tick() == 2.0
    questions = [one for one in questions if one.startswith("SELECT")]
    assert len([one for one in questions if "UNION ALL" in one]) == len(questions) == 3
    assert not context.ran


def test_an_engine_has_no_thread_that_polls_the_database(context: Desk) -> None:
    """A release of the engine that calls its polling threads otherwise would poll again."""
    context.wish("a")
    context.tick_until_done("a")
    context.wait_for(lambda: context.has_ended("a"))
    started = {thread.name for thread in threading.enumerate()} - context.threads
    assert {re.sub(r"[-_\d ]+", " ", name).strip() for name in started} <= QUIET_THREADS


def test_work_that_could_not_be_begun_is_begun_later(context: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    begin, failures = context.engine._begin, [1, 1]

    def fail(*piece: Any) -> None:
        if failures:
            failures.pop()
            raise OSError("no space left on device")
        begin(*piece)

    monkeypatch.setattr(context.engine, "_begin", fail)
    monkeypatch.setattr("workflows.engine.durable.RETRY_SECONDS", 0.05)
    context.wish("a")
    context.reconciler.tick()
    context.tick_until_done("a")
    assert context.ran["a"] == 1
    assert not failures


def test_a_crash_is_healed_by_a_later_attempt(context: Desk) -> None:
    context.crashes = 1
    context.wish("b")
    end = time.monotonic() + PATIENCE
    while context.state("b") != WorkState.DONE:
        assert time.monotonic() < end
        context.reconciler.tick()
        context.clock.pass_(seconds=1)
        time.sleep(0.02)
    assert context.ran["b"] == 2


def test_a_crash_that_the_engine_could_not_write_down_is_healed_too(context: Desk) -> None:
    """A disk that is full for a moment: neither what came of the work nor that it failed can be kept."""
    context.hold = threading.Event()
    context.crashes = 1
    context.wish("b")
    context.reconciler.tick()
    context.wait_for(lambda: context.ran["b"] == 1)
    rows = connect(context.engine._url)
    schema = "dbos." if context.store.postgres else ""
    with rows.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {schema}operation_outputs RENAME TO stuck")
        connection.exec_driver_sql(f"ALTER TABLE {schema}workflow_status RENAME TO stuck_too")
    context.hold.set()
    context.wait_for(lambda: not context.crashes and not context.engine.pieces())
    with rows.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {schema}stuck_too RENAME TO workflow_status")
        connection.exec_driver_sql(f"ALTER TABLE {schema}stuck RENAME TO operation_outputs")
    rows.dispose()
    end = time.monotonic() + PATIENCE
    while context.state("b") != WorkState.DONE:
        assert time.monotonic() < end, "it is under way to the engine for ever"
        context.reconciler.tick()
        context.clock.pass_(seconds=1)
        time.sleep(0.02)
    assert context.ran["b"] == 2
    assert context.has_ended("b")


def test_work_of_a_dead_process_is_taken_up_at_the_next_launch(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    first = Desk(url)
    first.hold = threading.Event()
    first.engine.launch()
    first.wish("c")
    first.engine.start("audit", "c", 0)
    first.wait_for(lambda: first.ran["c"] == 1)
    first.crashes = 1
    first.engine.close(0)  # the work had not ended: to the next process it looks like a kill
    first.hold.set()
    second = Desk(url)
    second.engine.launch()
    second.tick_until_done("c")
    second.engine.close(0)


def test_work_of_a_dead_replica_waits_until_it_is_taken_over(postgres: Postgres, template: str) -> None:
    url = postgres.database("heirs", template)
    first = Desk(url, "first")
    first.hold = threading.Event()
    first.engine.launch()
    for row in ("started", "queued"):
        first.wish(row)
    first.engine.start("audit", "started", 0)
    first.engine.enqueue("audit", "queued", 0)
    first.wait_for(lambda: first.ran == {"started": 1, "queued": 1})
    first.crashes = 2
    first.engine.close(0)
    first.hold.set()
    second = Desk(url, "second")
    second.engine.launch()
    for _ in range(10):
        second.reconciler.tick()
        time.sleep(0.05)
    assert second.engine.take_over(lambda: {"first", "second"}) == 0
    assert not second.ran
    assert second.engine.take_over(lambda: {"second"}) == 2
    for row in ("started", "queued"):
        second.tick_until_done(row)
    assert second.ran == {"started": 1, "queued": 1}
    assert second.engine.take_over(lambda: {"second"}) == 0
    second.engine.close(0)
    first.store.close()
    second.store.close()


def test_finished_work_is_forgotten_and_work_under_way_is_not(context: Desk) -> None:
    context.wish("old")
    context.engine.enqueue("audit", "old", 0)
    context.tick_until_done("old")
    context.wait_for(lambda: context.has_ended("old"))
    context.hold = threading.Event()
    context.wish("under way")
    context.engine.start("audit", "under way", 0)
    assert context.engine.delete_ended(timedelta(hours=1)) == 0
    assert context.engine.delete_ended(timedelta(hours=-1)) == 1
    context.hold.set()
    context.tick_until_done("under way")
    assert context.ran == {"old": 1, "under way": 1}


def test_a_row_whose_attempt_was_forgotten_before_anyone_saw_it_crash_is_tried_again(context: Desk) -> None:
    context.crashes = 1
    context.wish("lost")
    context.reconciler.tick()
    context.wait_for(lambda: context.ran["lost"] == 1 and context.has_ended("lost"))
    assert context.engine.delete_ended(timedelta(hours=-1)) == 1
    for _ in range(2):  # a crash is one that is still due at the next tick
        context.reconciler.tick()
    context.clock.pass_(seconds=11)
    context.tick_until_done("lost")


def test_a_second_process_is_told_in_words(tmp_path: Path) -> None:
    with process_lock(tmp_path), pytest.raises(ProcessLockHeld, match="Stop it first"), process_lock(tmp_path):
        pass
    with process_lock(tmp_path):
        pass


class _Handed(Engine):
    """An engine that records its pieces of work and never runs them."""

    def __init__(self) -> None:
        self.pieces_handed: list[tuple[str, str, int]] = []

    def enqueue(self, task: str, row: str, attempt: int) -> None:
        self.pieces_handed.append((task, row, attempt))

    def pieces(self) -> frozenset[tuple[str, str, int]]:
        return frozenset(self.pieces_handed)


def test_a_task_that_hangs_holds_up_no_other(context: Desk) -> None:
    go, hanging = threading.Event(), Counter[str]()

    def hang(row: str) -> None:
        hanging[row] += 1
        go.wait(PATIENCE)

    context.engine.register("book", hang)
    for number in range(WORKERS + 5):
        context.engine.enqueue("book", f"b{number}", 0)
    context.wait_for(lambda: len(hanging) == WORKERS)
    context.wish("a")
    context.tick_until_done("a")
    assert len(hanging) == WORKERS, "more of one task at a time than it may have"
    go.set()
    context.wait_for(lambda: len(hanging) == WORKERS + 5)


@pytest.mark.parametrize(("leavers", "audits_by_tick"), [(MASS_RUN, [7, 7, 7]), (MASS_RUN + 1, [1, 1, 2])])
def test_a_crowd_is_locked_out_first_and_nothing_else_stands_still(
    url: str, leavers: int, audits_by_tick: list[int]
) -> None:
    store, clock, engine = Store(url, VAULT), Time(), _Handed()
    lay_out(store)
    with store.write() as session:
        for number in range(leavers):
            session.add(_case(f"c{number}", clock.now()))
        session.flush()
        for number in range(leavers):
            session.add_all(_access(f"c{number}", clock.now()))
        session.add_all(AuditRun(id=f"a{number}", due_at=clock.now()) for number in range(7))
    reconciler = Reconciler(store, engine, clock)
    for ticks, audits in enumerate(audits_by_tick):
        if ticks:
            clock.pass_(seconds=OTHERS_EVERY.total_seconds() / 2)
        reconciler.tick()
        tasks = Counter(task for task, *_ in engine.pieces_handed)
        assert tasks == {"lockout": leavers, "audit": audits}
    assert len(set(engine.pieces_handed)) == len(engine.pieces_handed)
    store.close()


def test_a_case_is_one_piece_of_work_and_a_later_attempt_its_own(url: str) -> None:
    store, clock, engine = Store(url, VAULT), Time(), _Handed()
    lay_out(store)
    with store.write() as session:
        session.add_all(_case(case, clock.now()) for case in ("c1", "c2"))
        session.flush()
        tried, first = _access("c1", clock.now())
        tried.attempt = 2
        session.add_all([tried, first, *_access("c2", clock.now())])
    Reconciler(store, engine, clock).tick()
    assert sorted(engine.pieces_handed) == [("lockout", "c1", 0), ("lockout", "c2", 0), ("revoke", "c1:ldap", 2)]
    store.close()


def test_a_crash_of_a_case_s_first_lockouts_is_a_second_attempt_of_those_still_due(context: Desk) -> None:
    with context.store.write() as session:
        session.add(_case("c1", context.clock.now()))
        session.flush()
        done, due = _access("c1", context.clock.now())
        done.state = WorkState.DONE
        session.add_all([done, due])
    context.crashes = 1
    context.reconciler.tick()
    context.wait_for(lambda: context.ran["c1"] == 1 and not context.engine.pieces())
    for _ in range(2):  # a crash is one that is still due at the next tick
        context.reconciler.tick()
    with context.store.read() as session:
        rows = {row.system: (row.state, row.attempt) for row in session.exec(select(Access))}
    assert rows == {"ldap": (WorkState.DONE, 0), "crm": (WorkState.DUE, 1)}


def _access(case_id: str, at: datetime) -> list[Access]:
    return [
        Access(id=f"{case_id}:{system}", case_id=case_id, system=system, state=WorkState.DUE, due_at=at)
        for system in ("ldap", "crm")
    ]


def _case(case_id: str, at: datetime) -> Case:
    return Case(
        id=case_id,
        leaver_key=case_id,
        mail_key=case_id,
        state="running",
        immediate=False,
        effective_at=at,
        opened_at=at,
        opened_by="",
        approver="",
        strategy="",
        reason="",
        wrapped_key=b"",
        sealed=b"",
    )


def test_a_process_that_may_take_no_work_leaves_it_due(context: Desk) -> None:
    wrong = threading.Event()
    wrong.set()
    context.engine.stop_while(wrong.is_set, at_once=True)
    for row in ("clicked", "due"):
        context.wish(row)
    context.engine.start("audit", "clicked", 0)
    context.reconciler.tick()
    assert not context.ran
    assert context.engine.survey([("audit", row, 0) for row in ("clicked", "due")]).unknown, "another may begin it"
    wrong.clear()
    for row in ("clicked", "due"):
        context.tick_until_done(row)
    assert context.ran == {"clicked": 1, "due": 1}


def test_a_retry_is_left_to_another_process_first_if_there_is_one(url: str) -> None:
    for others, left in ((False, False), (True, True)):
        desk = Desk(url)
        desk.reconciler = Reconciler(desk.store, desk.engine, desk.clock, lambda others=others: others)  # type: ignore[misc]
        desk.engine.launch()
        row = f"retried {others}"
        desk.wish(row)
        desk.crashes = 1
        desk.engine.start("audit", row, 0)
        desk.wait_for(lambda: desk.has_ended(row))  # noqa: B023 - called at once
        with desk.store.write() as session:
            again(session, session.get_one(AuditRun, row), desk.clock.now() + FIRST_RETRY)
        for _ in range(3):
            desk.clock.pass_(seconds=3.7)
            desk.reconciler.tick()
        assert (("audit", row, 1) not in desk.engine.pieces() and desk.ran[row] == 1) == left
        desk.clock.pass_(seconds=1)
        desk.tick_until_done(row)
        desk.engine.close(0)
        desk.store.close()
