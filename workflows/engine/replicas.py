"""Several processes on one PostgreSQL: signs of life, an end for those who cannot give them, heirs for their work.

Three moments after a process's last sign of life, in this order, make a takeover safe (docs/decisions/0006):
`dead_after`: it says so and ends itself; a tenth later the kernel ends it, which also holds for one that was paused and
wakes (a pending SIGALRM comes before its next instruction); a quarter later the others take its work over.
"""

import fcntl
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import col, select

from config.text import _
from workflows.engine.durable import Engine
from workflows.storage import outbox
from workflows.storage.rows.operations import Replica
from workflows.storage.store import StorageFailed, Store, connect


class ProcessLockHeld(Exception):
    """Another process works on these rows; it can be left to do so, or stopped."""


@contextmanager
def process_lock(folder: Path) -> Iterator[None]:
    """Hold the folder until the end. Raises `Occupied`, naming the process that holds it. A killed process lets go."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "handover.lock").open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise ProcessLockHeld(
                _(
                    "another Handover (process {holder}) works on {folder}. Stop it first, or use PostgreSQL "
                    "for several"
                ).format(holder=holder, folder=folder)
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


log = logging.getLogger(__name__)
DEAD_AFTER = timedelta(seconds=30)
"""Longer than any one request to a system may take: what a dead process sent has been done, or never will be."""
KERNEL, HEIRS = 1.1, 1.25
BEATS, LOOKS = 6, 20
FINISHED_FOR = timedelta(days=7)
NOW = sa.func.clock_timestamp()


def new_id() -> str:
    """Return a name for this process that none before it had: `host-pid-random`."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"


def end(why: str) -> None:
    """End this process at once, as kill -9 would, but with a word."""
    log.critical("%s; this process ends now, the others go on", why)
    os._exit(70)  # EX_SOFTWARE; a service manager starts it again, under a new name


def alarm(seconds: float) -> None:
    """Have the kernel end this process in so many seconds, unless asked again before (SIGALRM's own effect)."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


class Replicas:
    """Keeps this process known to the others, and them to it."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        dead_after: timedelta = DEAD_AFTER,
        *,
        end: Callable[[str], None] = end,
        alarm: Callable[[float], None] = alarm,
    ) -> None:
        """`engine`: its executor is this process's name, a `new_id`."""
        self.replica_id = engine.executor
        self.seconds = dead_after.total_seconds()
        self._store = store
        self._engine = engine
        self._end = end
        self._alarm = alarm
        # A connection of its own: a sign of life must not wait behind writers, or for the pool.
        self._own = connect(store.url, pool_size=1)
        self._heartbeat_at = 0.0
        self._stop = threading.Event()

    @contextmanager
    def living(self) -> Iterator[None]:
        """Give signs of life for as long as the context lasts. Enter it before the engine is launched.

        The kernel's alarm stays set at the end: work that is still running then must not outlive the last sign of life.
        """
        self._register()
        threads = [threading.Thread(target=run, daemon=True, name=run.__name__) for run in (self._beats, self._watch)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(self.seconds)
            self._own.dispose()

    def heartbeat(self) -> None:
        """Give a sign of life; who comes too late is told so, and ends. Raises `StorageFailed`."""
        began = _moment()
        own = sa.update(Replica).where(col(Replica.id) == self.replica_id, col(Replica.heartbeat_at) > self._ago(1.0))
        if not self._run(own.values(heartbeat_at=NOW)):
            self._end("given up by the others: no sign of life came in time")
        self._heartbeat_at = began
        self._alarm(max(0.001, self.seconds * KERNEL - (_moment() - began)))

    def take_over_dead(self) -> int:
        """Take over the work of the dead, one process at a time; return how much there was."""
        with self._store.write("replicas") as session:
            dead = session.exec(select(Replica).where(col(Replica.heartbeat_at) <= self._ago(HEIRS))).all()
            for one in dead:
                log.warning(
                    "%s has given no sign of life since %s; its work goes on elsewhere", one.id, one.heartbeat_at
                )
                session.delete(one)
            session.flush()

            def alive() -> frozenset[str]:
                return frozenset(session.exec(select(Replica.id)))

            taken = self._engine.take_over(alive)
            outbox.release_claims(session, alive)
            return taken

    def _register(self) -> None:
        now = datetime.now(UTC)
        row = {
            "id": self.replica_id,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started_at": now,
            "heartbeat_at": NOW,
        }
        self._heartbeat_at = _moment()
        self._run(sa.insert(Replica).values(**row))
        self._alarm(self.seconds * KERNEL)

    def _run(self, statement: sa.Insert | sa.Update) -> int:
        try:
            with self._own.begin() as connection:
                return connection.execute(statement).rowcount
        except (sa.exc.OperationalError, sa.exc.InternalError) as error:
            raise StorageFailed(str(error.orig)) from error

    def _ago(self, share: float) -> sa.ColumnElement[datetime]:
        return NOW - timedelta(seconds=self.seconds * share)

    def _beats(self) -> None:
        while not self._stop.wait(self.seconds / BEATS):
            try:
                self.heartbeat()
            except StorageFailed as error:
                log.warning("no sign of life could be given: %s", error)

    def _watch(self) -> None:
        while not self._stop.wait(self.seconds / LOOKS):
            if _moment() - self._heartbeat_at > self.seconds:
                self._end(f"no sign of life could be given for {self.seconds:g} s")


def forget_finished(engine: Engine) -> int:
    """Delete what the engine noted about work that ended long ago; several processes at once do no harm."""
    return engine.delete_ended(datetime.now(UTC) - FINISHED_FOR)


def _moment() -> float:
    """Return seconds that go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
