"""Watch for changes without a commit of this process: other processes' commits, and a clock that was set.

On SQLite, `PRAGMA data_version` on a connection that is kept open changes with every commit of another connection. On
PostgreSQL, running processes notify each other by NOTIFY, at most twice a second each. A command notifies them in its
own transaction. Both only show that something may be due. A lost notification costs seconds, and a needless one
nothing.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from workflows.ports import Clock
from workflows.storage.store import LISTEN, NOTIFY, Store, connect

log = logging.getLogger(__name__)
LOOK_SECONDS = 0.5
RECONNECT_SECONDS = 5.0
CLOCK_TOLERANCE = timedelta(seconds=1)
"""Difference that is allowed between the clock and the time that passed between two checks."""


class ChangeWatch:
    """Thread that calls `fire` at every change."""

    def __init__(self, store: Store, clock: Clock, fire: Callable[[], None]) -> None:
        self._store, self._clock, self._fire = store, clock, fire
        self._source = _Notifications(store) if store.postgres else _DataVersion(store.url)
        self._stop = threading.Event()
        self._seen = clock.now(), time.monotonic()
        self._thread = threading.Thread(target=self._watch, name="change watch", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                changed = self._source.changed(self._stop)
            except self._source.errors as error:
                log.warning("changes by other processes are noticed late: %s", error)
                self._source.disconnect()
                self._stop.wait(RECONNECT_SECONDS)
                changed = True
            if self._clock_was_set() or changed:
                self._fire()
        self._source.close()

    def _clock_was_set(self) -> bool:
        (clock, passed), self._seen = self._seen, (self._clock.now(), time.monotonic())
        return abs(self._seen[0] - clock - timedelta(seconds=self._seen[1] - passed)) > CLOCK_TOLERANCE


class _DataVersion:
    """Source on SQLite: a number that changes with every commit of another connection, even of this process."""

    def __init__(self, url: str) -> None:
        self._path = str(sa.make_url(url).database)
        self.errors: tuple[type[Exception], ...] = (sqlite3.Error,)
        self._connection: sqlite3.Connection | None = None
        self._version = 0

    def changed(self, stop: threading.Event) -> bool:
        """Return whether there was a change, after at most `LOOK_SECONDS`."""
        stop.wait(LOOK_SECONDS)
        if self._connection is None:
            self._connection = sqlite3.connect(self._path, isolation_level=None)
        [version] = self._connection.execute("PRAGMA data_version").fetchone()
        before, self._version = self._version, int(version)
        return self._version != before

    def disconnect(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    close = disconnect


class _Notifications:
    """Source on PostgreSQL: LISTEN on a connection of its own, which also notifies the other processes."""

    def __init__(self, store: Store) -> None:
        self._rows = connect(store.url, pool_size=1)
        self.errors: tuple[type[Exception], ...] = (sa.exc.DBAPIError, self._rows.dialect.loaded_dbapi.Error)
        self._connection: Any = None
        self._committed = threading.Event()
        store.when_committed(self._committed.set)

    def changed(self, _stop: threading.Event) -> bool:
        """Return whether there was a change, after at most `LOOK_SECONDS`."""
        if self._connection is None:
            self._connection = self._listen()
            return True  # earlier notifications are not received
        return self._exchange()

    def disconnect(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Release all that the source holds."""
        self.disconnect()
        self._rows.dispose()

    def _listen(self) -> Any:
        pooled = self._rows.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()
        connection.rollback()
        connection.autocommit = True
        connection.execute(LISTEN)
        return connection

    def _exchange(self) -> bool:
        if self._committed.is_set():
            self._committed.clear()
            self._connection.execute(NOTIFY)
        own = self._connection.info.backend_pid
        notifications = list(self._connection.notifies(timeout=LOOK_SECONDS, stop_after=1))
        return any(notification.pid != own for notification in notifications)
