"""Shared turns: all that waits is written in one transaction, and one fault is one thread's alone."""

import threading
import time
from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from tests.workflows.tables import lay_out
from workflows.storage.group_commit import GroupCommit
from workflows.storage.rows.watch import AuditRun
from workflows.storage.store import Store, sqlite_url

PATIENCE = 30


class Desk:
    """Turns on real rows; `commits` counts transactions."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(sqlite_url(folder))
        lay_out(self.store)
        self.commits = 0
        self.together = GroupCommit(self._write)
        self.pool = ThreadPoolExecutor(20)

    @contextmanager
    def _write(self, _names: Collection[str]) -> Iterator[Session]:
        with self.store.write() as session:
            yield session
        self.commits += 1

    def behind(self, *parts: str) -> list["Future[str]"]:
        """Let one part keep the turn until all of these wait behind it."""
        begun, go = threading.Event(), threading.Event()

        def first(session: Session) -> str:
            begun.set()
            assert go.wait(PATIENCE)
            return _add(session, "first")

        futures = [self.pool.submit(self.together.run, first)]
        assert begun.wait(PATIENCE)
        for part in parts:
            futures.append(self.pool.submit(self.together.run, lambda session, part=part: _add(session, part)))
        while len(self.together._waiting) < len(parts):
            assert begun.wait(PATIENCE)
        go.set()
        return futures

    def rows(self) -> set[str]:
        with self.store.read() as session:
            return set(session.exec(select(AuditRun.id)))


def _add(session: Session, name: str) -> str:
    if name == "bad":
        raise ValueError("planted")
    session.add(AuditRun(id=name, due_at=datetime(2026, 3, 2, tzinfo=UTC)))
    return name


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Desk]:
    context = Desk(tmp_path)
    yield context
    context.pool.shutdown()
    context.store.close()


def test_what_waits_together_is_written_together(context: Desk) -> None:
    names = [f"n{number}" for number in range(8)]
    futures = context.behind(*names)
    assert [one.result(PATIENCE) for one in futures] == ["first", *names]
    assert context.rows() == {"first", *names}
    assert context.commits == 2


def test_a_fault_is_told_to_its_own_thread_and_the_others_are_written(context: Desk) -> None:
    first, one, bad, two = context.behind("one", "bad", "two")
    assert (first.result(PATIENCE), one.result(PATIENCE), two.result(PATIENCE)) == ("first", "one", "two")
    with pytest.raises(ValueError, match="planted"):
        bad.result(PATIENCE)
    assert context.rows() == {"first", "one", "two"}


def test_a_part_alone_raises_and_writes_nothing(context: Desk) -> None:
    with pytest.raises(ValueError, match="planted"):
        context.together.run(lambda session: (_add(session, "kept not"), _add(session, "bad")))
    assert context.rows() == set()
    assert context.together.run(lambda session: _add(session, "next")) == "next"


def test_a_leader_that_is_cut_off_leaves_nobody_waiting_and_nothing_taken_for_written(context: Desk) -> None:
    begun, go = threading.Event(), threading.Event()

    def first(session: Session) -> str:
        begun.set()
        assert go.wait(PATIENCE)
        return _add(session, "first")

    def cut_off(session: Session) -> str:
        raise KeyboardInterrupt

    futures = [context.pool.submit(context.together.run, first)]
    assert begun.wait(PATIENCE)
    for number in range(3):
        futures.append(
            context.pool.submit(context.together.run, lambda session, name=f"n{number}": _add(session, name))
        )
    futures.append(context.pool.submit(context.together.run, cut_off))
    while len(context.together._waiting) < 4:
        time.sleep(0.01)
    go.set()
    assert futures[0].result(PATIENCE) == "first"
    for one in futures[1:]:
        with pytest.raises(KeyboardInterrupt):
            one.result(PATIENCE)
    assert context.rows() == {"first"}
    assert context.together.run(lambda session: _add(session, "after")) == "after"


def test_parts_of_several_names_keep_other_writers_of_these_names_out(url: str) -> None:
    """Two processes add to the same rows, each in another order: no addition is lost, and neither waits for ever."""
    stores = [Store(url), Store(url)]
    lay_out(stores[0])
    names = [f"name {number}" for number in range(6)]
    with stores[0].write() as session:
        for name in names:
            session.add(AuditRun(id=name, due_at=datetime(2026, 3, 2, tzinfo=UTC), attempt=0))

    def add(name: str, session: Session) -> None:
        row = session.get_one(AuditRun, name)
        row.attempt += 1
        session.add(row)

    def work(store: Store, order: list[str]) -> None:
        for name in order * 5:
            store.group_write(partial(add, name), name)

    with ThreadPoolExecutor(8) as pool:
        orders = (names, names[::-1])
        for done in [pool.submit(work, stores[n % 2], orders[n // 2 % 2]) for n in range(8)]:
            done.result(PATIENCE)
    with stores[0].read() as session:
        assert {row.attempt for row in session.exec(select(AuditRun))} == {40}
    for store in stores:
        store.close()


def test_a_part_reads_what_statements_of_the_part_before_have_written(context: Desk) -> None:
    def read(session: Session) -> str:
        return session.get_one(AuditRun, "first").state

    def change(session: Session) -> str:
        session.get_one(AuditRun, "first")
        session.connection().execute(sa.update(AuditRun).values(state="changed"))
        return ""

    begun, go = threading.Event(), threading.Event()

    def first(session: Session) -> str:
        begun.set()
        assert go.wait(PATIENCE)
        return _add(session, "first")

    futures = [context.pool.submit(context.together.run, first)]
    assert begun.wait(PATIENCE)
    for number, part in enumerate((change, read)):
        futures.append(context.pool.submit(context.together.run, part))
        while len(context.together._waiting) <= number:
            time.sleep(0.01)
    go.set()
    assert [one.result(PATIENCE) for one in futures] == ["first", "", "changed"]
