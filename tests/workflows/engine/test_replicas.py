"""Signs of life, takeovers and ends of replicas, with time limits of two seconds and no process harmed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import select

from bot.wiring import silence_limit
from config.settings import Settings
from tests.sandbox.postgres import Postgres
from tests.workflows.tables import VAULT
from workflows.engine.durable import Engine
from workflows.engine.replicas import DEAD_AFTER, HEIRS, KERNEL, Replicas, new_id
from workflows.storage.rows.operations import Replica
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.store import StorageFailed, Store

LIMIT = 2.0
LONG = 60.0
"""Seconds far above any stall of a busy machine, for events that no test waits for."""
PATIENCE = 60.0


class Work(Engine):
    """An engine whose work belongs to the processes that the test names."""

    def __init__(self, executor: str) -> None:
        super().__init__("", executor)
        self.asked: list[frozenset[str]] = []

    def take_over(self, alive: Callable[[], Collection[str]]) -> int:
        self.listing()
        self.asked.append(frozenset(alive()))
        return 0

    def listing(self) -> None:
        """Run at the moment at which begun work is listed."""


class One:
    """A replica with its ends and alarms written down."""

    def __init__(self, store: Store, limit: float = LIMIT) -> None:
        self.store = store
        self.engine = Work(new_id())
        self.ends: list[str] = []
        self.ended_at: list[float] = []
        self.alarms: list[float] = []
        self.replicas = Replicas(store, self.engine, timedelta(seconds=limit), end=self.end, alarm=self.alarms.append)

    def end(self, why: str) -> None:
        self.ended_at.append(time.monotonic())
        self.ends.append(why)

    @property
    def me(self) -> str:
        return self.engine.executor


@pytest.fixture
def rows(postgres: Postgres, template: str) -> Iterator[Store]:
    store = Store(postgres.database(f"replicas_{time.monotonic_ns()}", template), VAULT)
    yield store
    store.close()


@pytest.fixture
def start(rows: Store) -> Iterator[Callable[..., One]]:
    with ExitStack() as stack:

        def begin(limit: float = LIMIT) -> One:
            one = One(rows, limit)
            stack.enter_context(one.replicas.living())
            return one

        yield begin


def _known(store: Store) -> set[str]:
    with store.read() as session:
        return set(session.exec(select(Replica.id)))


def _age(store: Store, who: str, seconds: float) -> None:
    with store.write() as session:
        session.execute(
            sa.text("update replica set heartbeat_at = heartbeat_at - make_interval(secs => :age) where id = :id"),
            {"age": seconds, "id": who},
        )


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "did not come"
        time.sleep(0.01)


def _pending(pid: int) -> set[int]:
    """Return the signals that wait for a process (proc(5), `ShdPnd`)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    mask = int(next(line for line in status.splitlines() if line.startswith("ShdPnd:")).split()[1], 16)
    return {number for number in signal.valid_signals() if mask >> (number - 1) & 1}


def _silent_for(store: Store) -> timedelta:
    """Return the longest time for which anyone has given no sign of life."""
    with store.write() as session:
        return store.now(session) - min(session.exec(select(Replica.heartbeat_at)))


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have ten signs of life a second where the limit is `LONG`."""
    monkeypatch.setattr("workflows.engine.replicas.BEATS", int(LONG * 10))


@pytest.mark.usefixtures("often")
def test_everyone_alive_is_known_and_nobody_is_taken_over(start: Callable[..., One], rows: Store) -> None:
    one, two = start(LONG), start(LONG)
    for who in (one.me, two.me):
        _age(rows, who, LONG * 0.9)
    _until(lambda: _silent_for(rows) < timedelta(seconds=LONG / 2))
    one.replicas.take_over_dead()
    two.replicas.take_over_dead()
    assert _known(rows) == {one.me, two.me}
    assert one.engine.asked == two.engine.asked == [{one.me, two.me}]
    assert one.ends == two.ends == []


def test_the_dead_are_taken_over_and_their_claims_voided(start: Callable[..., One], rows: Store) -> None:
    one, two = start(LONG), One(rows, LONG)
    with two.replicas.living():
        pass
    _age(rows, two.me, LONG * HEIRS + 0.1)
    with rows.write() as session:
        for holder in (one.me, two.me):
            post = OutboxMessage(id=holder, kind=MessageKind.CASE, subject="", channel="C")
            post.claimed_by, post.claimed_until = f"{holder}/1", datetime.now(UTC) + timedelta(minutes=5)
            session.add(post)
    one.replicas.take_over_dead()
    assert one.engine.asked == [{one.me}]
    assert _known(rows) == {one.me}
    with rows.read() as session:
        assert {post.id: bool(post.claimed_by) for post in session.exec(select(OutboxMessage))} == {
            one.me: True,
            two.me: False,
        }


def test_who_comes_up_while_work_is_listed_is_not_taken_for_dead(start: Callable[..., One], rows: Store) -> None:
    """Its work may be in the list already: it registers first, and begins then."""
    one, new = start(LONG), One(rows, LONG)
    with ExitStack() as stack:
        one.engine.listing = lambda: stack.enter_context(new.replicas.living())  # type: ignore[method-assign]
        one.replicas.take_over_dead()
    assert new.me in one.engine.asked[0]


def test_nobody_is_taken_over_before_its_own_end_and_the_kernels(start: Callable[..., One], rows: Store) -> None:
    one, two = start(LONG), One(rows, LONG)
    with two.replicas.living():
        pass
    _age(rows, two.me, LONG * KERNEL - 0.5)
    one.replicas.take_over_dead()
    assert two.me in one.engine.asked[0]
    assert 1.0 < KERNEL < HEIRS


def test_who_comes_too_late_ends_although_its_own_clock_saw_nothing(start: Callable[..., One], rows: Store) -> None:
    """A machine that was suspended wakes with its own clocks unmoved; the database's have gone on."""
    one = start(LONG)
    _age(rows, one.me, LONG + 0.1)
    one.replicas.heartbeat()
    assert "given up" in one.ends[0]


def test_without_a_database_it_ends_after_the_limit_and_not_before(postgres: Postgres, template: str) -> None:
    store = Store(postgres.database("unreachable", template), VAULT)
    one = One(store)
    with one.replicas.living():
        last = time.monotonic()
        one.replicas.heartbeat()
        postgres.stop()
        try:
            with pytest.raises(StorageFailed):
                one.replicas.heartbeat()
            _until(lambda: bool(one.ends))
            assert LIMIT < one.ended_at[0] - last < LIMIT * 5
            assert "no sign of life" in one.ends[0]
        finally:
            postgres.start()
    store.close()


@pytest.mark.usefixtures("often")
def test_every_sign_of_life_moves_the_kernels_alarm_and_nothing_takes_it_away(start: Callable[..., One]) -> None:
    one = start(LONG)
    _until(lambda: len(one.alarms) >= 3)
    assert all(LONG / 2 < seconds <= LONG * KERNEL for seconds in one.alarms)


def test_a_paused_process_is_dead_before_its_next_instruction() -> None:
    """The kernel's alarm, for real: it stops while paused for longer, and never says what it says next."""
    program = (
        "import os, signal, time\nfrom workflows.engine.replicas import alarm\nalarm(1.0)\nprint('ready', flush=True)\n"
        "os.kill(os.getpid(), signal.SIGSTOP)\nprint('harm', flush=True)\ntime.sleep(30)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        # it pauses by itself, so that nothing depends on how quick we are
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        _until(lambda: signal.SIGALRM in _pending(process.pid))
        process.send_signal(signal.SIGCONT)
        assert process.stdout.read() == ""
        assert process.wait(PATIENCE) == -signal.SIGALRM


def test_silence_is_allowed_for_longer_than_any_request_may_take() -> None:
    limits = type("Kind", (), {"__iter__": lambda _: iter([("connect_seconds", 5), ("request_seconds", 300.0)])})()
    system = type("Named", (), {"settings": limits})()
    settings = Settings.model_construct(systems={"slow": system})
    assert silence_limit(settings) == timedelta(seconds=450)
    assert silence_limit(Settings.model_construct(systems={})) == DEAD_AFTER
