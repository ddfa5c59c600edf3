"""Replicas on one PostgreSQL: heartbeats, self-termination, and takeover of a dead replica's work.

Three moments after a process's last heartbeat, in this order, make a takeover safe (docs/decisions/0006):

* `dead_after`: the process logs the reason and ends itself.
* A tenth later: the kernel ends the process, even one that was paused and wakes. A pending SIGALRM comes before its
  next instruction.
* A quarter later: the other replicas take its work over.
"""

import fcntl
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import col, select

from config.text import _
from workflows.engine.durable import Engine
from workflows.storage import outbox
from workflows.storage.database_clock import elapsed
from workflows.storage.rows.operations import Replica
from workflows.storage.store import StorageFailed, Store, connect


class ProcessLockHeld(Exception):
    """Another process works on these rows. It can keep running, or be stopped."""


@contextmanager
def process_lock(folder: Path) -> Iterator[None]:
    """Hold the folder's lock until the end. Raises `ProcessLockHeld` with the holder's id. A kill releases the lock."""
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
"""Longer than any request to a system may take: a dead process's requests are done, or never will be."""
KERNEL, HEIRS = 1.1, 1.25
BEATS, LOOKS = 6, 20
NOW = sa.func.clock_timestamp()


def new_id() -> str:
    """Return a name for this process that none before it had: `host-pid-random`."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"


def end(why: str, code: int = os.EX_SOFTWARE) -> None:
    """End this process at once, as kill -9 would, and log the reason."""
    log.critical("%s; this process ends now", why)
    os._exit(code)  # after EX_SOFTWARE a service manager restarts it under a new name


def alarm(seconds: float) -> None:
    """Have the kernel end this process after so many seconds, unless called again before (SIGALRM's default action)."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


class Replicas:
    """Registration and heartbeat of this process, and takeover of dead ones."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        dead_after: timedelta = DEAD_AFTER,
        *,
        end: Callable[[str], None] = end,
        alarm: Callable[[float], None] = alarm,
    ) -> None:
        """Take an engine whose executor is this process's name, from `new_id`."""
        self.replica_id = engine.executor
        self.seconds = dead_after.total_seconds()
        self._store = store
        self._engine = engine
        self._end = end
        self._alarm = alarm
        # A connection of its own: a heartbeat must not wait behind writers or for the pool.
        self._own = connect(store.url, pool_size=1)
        self._heartbeat_at = 0.0
        self._stop = threading.Event()
        self.has_others = False
        """True if other replicas were alive at the last look for dead ones."""

    @contextmanager
    def living(self) -> Iterator[None]:
        """Send heartbeats while the context lasts. Enter the context before the engine is launched.

        The kernel's alarm stays set at the end: work that is still running then must not outlive the last heartbeat.
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
        """Send a heartbeat; end this process if it comes too late. Raises `StorageFailed`."""
        began = elapsed()
        own = sa.update(Replica).where(col(Replica.id) == self.replica_id, col(Replica.heartbeat_at) > self._ago(1.0))
        if not self._run(own.values(heartbeat_at=NOW)):
            self._end("given up by the others: no sign of life came in time")
        self._heartbeat_at = began
        self._alarm(max(0.001, self.seconds * KERNEL - (elapsed() - began)))

    def take_over_dead(self) -> int:
        """Take over the work of dead replicas, one process at a time; return how much there was."""
        with self._store.write("replicas") as session:
            beat = col(Replica.heartbeat_at)  # one ahead of the database's own time was written by another hand
            dead = session.exec(select(Replica).where((beat <= self._ago(HEIRS)) | (beat > self._ago(-1.0)))).all()
            for replica in dead:
                log.warning(
                    "%s has given no sign of life since %s; its work goes on elsewhere",
                    replica.id,
                    replica.heartbeat_at,
                )
                session.delete(replica)
            session.flush()
            self.has_others = len(session.exec(select(Replica.id)).all()) > 1

            def alive() -> frozenset[str]:
                return frozenset(session.exec(select(Replica.id)))

            taken = self._engine.take_over(alive)
            outbox.release_claims(session, alive)
            return taken

    def _register(self) -> None:
        row = {
            "id": self.replica_id,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started_at": NOW,
            "heartbeat_at": NOW,
        }
        self._heartbeat_at = elapsed()
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
            if elapsed() - self._heartbeat_at > self.seconds:
                self._end(f"no sign of life could be given for {self.seconds:g} s")
