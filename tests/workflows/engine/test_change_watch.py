"""Changes of the rows by other processes, and of the clock, are noticed within about a second on both databases."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from tests.workflows.memory import Time
from tests.workflows.tables import lay_out
from workflows.engine import change_watch
from workflows.engine.change_watch import ChangeWatch
from workflows.ports import Clock, SystemClock
from workflows.storage.rows.watch import AuditRun
from workflows.storage.store import Store

PATIENCE = 60.0
ANOTHER_PROCESS = """
import sys
from datetime import UTC, datetime
from workflows.storage.rows.watch import AuditRun
from workflows.storage.store import Store
store = Store(sys.argv[1], announce=True)
with store.write() as session:
    session.add(AuditRun(id="a", due_at=datetime.now(UTC)))
store.close()
"""


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store(url)
    lay_out(store)
    yield store
    store.close()


class Watched:
    """A watch, and how often it fired."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.fired = threading.Semaphore(0)
        self.watch = ChangeWatch(store, clock, self.fired.release)
        self.watch.start()
        assert self.noticed(), "what happened before it began is looked for"
        self.quiet()

    def noticed(self) -> bool:
        return self.fired.acquire(timeout=PATIENCE)

    def quiet(self) -> None:
        """Wait until nothing has fired for as long as three looks take."""
        while self.fired.acquire(timeout=3 * change_watch.LOOK_SECONDS):
            pass


@pytest.fixture
def begin(store: Store) -> Iterator[Callable[..., Watched]]:
    begun: list[Watched] = []

    def start(clock: Clock) -> Watched:
        begun.append(Watched(store, clock))
        return begun[-1]

    yield start
    for one in begun:
        one.watch.stop()


def write(store: Store, row: str) -> None:
    with store.write() as session:
        session.add(AuditRun(id=row, due_at=SystemClock().now()))


def test_a_commit_by_a_command_is_noticed(store: Store, begin: Callable[..., Watched]) -> None:
    watched = begin(SystemClock())
    subprocess.run([sys.executable, "-c", ANOTHER_PROCESS, store.url], check=True)
    assert watched.noticed()


def test_a_commit_by_another_bot_is_noticed(store: Store, begin: Callable[..., Watched]) -> None:
    other = Store(store.url)
    theirs = ChangeWatch(other, SystemClock(), lambda: None)
    theirs.start()
    watched = begin(SystemClock())
    write(other, "b")
    assert watched.noticed()
    theirs.stop()
    other.close()


def test_nothing_is_noticed_where_nothing_happens(begin: Callable[..., Watched]) -> None:
    watched = begin(SystemClock())
    assert not watched.fired.acquire(timeout=4 * change_watch.LOOK_SECONDS)


def test_a_clock_that_was_set_is_noticed(begin: Callable[..., Watched]) -> None:
    clock = Time()
    watched = begin(Moving(clock))
    clock.pass_(minutes=5)
    assert watched.noticed()
    watched.quiet()


class Moving:
    """A clock that goes on by itself, too."""

    def __init__(self, jumps: Time) -> None:
        self._jumps, self._began, self._system = jumps, jumps.now(), SystemClock()

    def now(self) -> datetime:
        return self._system.now() + (self._jumps.now() - self._began)


def test_every_commit_of_this_process_tells_and_a_refused_one_does_not(store: Store) -> None:
    told: list[int] = []
    store.when_committed(lambda: told.append(1))
    write(store, "a")
    store.group_write(lambda session: session.add(AuditRun(id="g", due_at=SystemClock().now())))
    assert len(told) == 2
    with pytest.raises(ZeroDivisionError), store.write():
        raise ZeroDivisionError
    assert len(told) == 2
