"""Limit on a system's connections, shared by all replicas.

Each replica holds a share of the limit, written in one row. A replica shrinks its own connector before it changes its
row, and widens the connector only after the row was committed. So the shares never exceed the limit. Requests ask only
their own connector; the rows are read once a second.
"""

import logging
import os
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import sqlalchemy as sa
from sqlmodel import Session, col, select

from connectors.contract import Connections
from workflows.storage.rows.operations import ConnectionShare, Replica
from workflows.storage.store import StorageFailed, Store
from workflows.systems.registry import System

log = logging.getLogger(__name__)
LOOK_SECONDS, SOON_SECONDS = 1.0, 0.1
"""Seconds between two reads of the rows; the second value applies while this replica waits for more."""
TURN_SECONDS = 5.0
"""Seconds that a connection stays with one replica, if there are fewer connections than replicas."""


def split(limit: int, hungry: Mapping[str, bool], turn: int = 0) -> dict[str, int]:
    """Return the share of each replica. Pure.

    Every replica has at least one connection, so that urgent work begins at once. The rest goes evenly to the replicas
    that need more, or to all if none does. With fewer connections than replicas they take turns, those that need more
    first.
    """
    names = sorted(hungry)
    if len(names) > limit:
        start = turn % len(names)
        first = sorted(names[start:] + names[:start], key=lambda name: not hungry[name])[:limit]
        return {name: int(name in first) for name in names}
    eaters = [name for name in names if hungry[name]] or names
    each, more = divmod(limit - len(names), len(eaters))
    extra = {name: each + (number < more) for number, name in enumerate(eaters)}
    return {name: 1 + extra.get(name, 0) for name in names}


class ConnectionShares:
    """Shares of this replica in every system's connections."""

    def __init__(
        self, store: Store, systems: Mapping[str, System], replica_id: str, backlog: Callable[[str], int]
    ) -> None:
        """Take `backlog`, which returns how many lock-outs wait for a system before they ask for a connection."""
        self._store, self._replica, self._backlog = store, replica_id, backlog
        self._pools: dict[str, Connections] = {}
        self._limits: dict[str, int] = {}
        for name, system in systems.items():
            if pool := system.connector.connections():
                self._pools[name], self._limits[name] = pool, pool.size
                pool.resize(0)

    def look(self) -> bool:
        """Adjust this replica's shares; return whether this replica waits for more."""
        with self._store.read() as session:
            rows = _rows(session)
            settled = all(self._is_settled(name, pool, rows[name]) for name, pool in self._pools.items())
        if not settled:
            self._change()
        return any(pool.wanted + self._backlog(name) > pool.size or not pool.size for name, pool in self._pools.items())

    def give_up(self) -> None:
        """Return the shares at the end of the process. Connections in use stay until the process is dead."""
        used = {name for name, pool in self._pools.items() if pool.resize(0)}
        with self._store.write("connections") as session:
            for row in session.exec(select(ConnectionShare).where(ConnectionShare.replica_id == self._replica)):
                if row.system not in used:
                    session.delete(row)

    def _is_settled(self, name: str, pool: Connections, rows: Mapping[str, ConnectionShare]) -> bool:
        share = rows.get(self._replica)
        if share is None or share.held != pool.size or share.hungry != self._is_hungry(name, len(rows)):
            return False
        return share.held == self._target(name, rows)

    def _change(self) -> None:
        wider: dict[str, int] = {}
        with self._store.write("connections") as session:
            living = [replica.id for replica in session.exec(select(Replica)) if not _ended(replica, self._replica)]
            if self._replica not in living:
                return  # not registered yet
            session.execute(sa.delete(ConnectionShare).where(col(ConnectionShare.replica_id).not_in(living)))
            rows = _rows(session)
            for name, pool in self._pools.items():
                share = rows[name].get(self._replica) or ConnectionShare(
                    id=f"{name}:{self._replica}", system=name, replica_id=self._replica
                )
                rows[name][self._replica] = share
                share.hungry = self._is_hungry(name, len(rows[name]))
                target = self._target(name, rows[name])
                if target < share.held:
                    share.held = max(target, pool.resize(target))
                else:
                    others = sum(row.held for row in rows[name].values()) - share.held
                    share.held = wider[name] = max(share.held, min(target, self._limits[name] - others))
                session.add(share)
        for name, size in wider.items():
            self._pools[name].resize(size)

    def _target(self, name: str, rows: Mapping[str, ConnectionShare]) -> int:
        hungry = {replica: row.hungry for replica, row in rows.items()}
        return split(self._limits[name], hungry, int(time.time() / TURN_SECONDS))[self._replica]

    def _is_hungry(self, name: str, replicas: int) -> bool:
        return self._pools[name].wanted + self._backlog(name) > self._limits[name] // max(1, replicas)


def _ended(replica: Replica, own: str) -> bool:
    """Return whether a process of this machine has ended. Processes of other machines are judged by their heartbeat."""
    if replica.id == own or replica.host != socket.gethostname():
        return False
    if replica.pid == os.getpid():  # a container's first process has the same number at every start
        return True
    try:
        os.kill(replica.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _rows(session: Session) -> dict[str, dict[str, ConnectionShare]]:
    rows: dict[str, dict[str, ConnectionShare]] = defaultdict(dict)
    for row in session.exec(select(ConnectionShare)):
        rows[row.system][row.replica_id] = row
    return rows


@contextmanager
def share_connections(
    store: Store, systems: Mapping[str, System], replica_id: str, backlog: Callable[[str], int]
) -> Iterator[None]:
    """Keep every system's limit together with all other replicas while the context lasts."""
    shares, over = ConnectionShares(store, systems, replica_id, backlog), threading.Event()

    def look() -> None:
        pause = 0.0
        while not over.wait(pause):
            try:
                pause = SOON_SECONDS if shares.look() else LOOK_SECONDS
            except StorageFailed as error:
                log.warning("the shares of connections could not be read: %s", error)
                pause = LOOK_SECONDS
            except Exception:  # the next read must come after any failure; the log has the error
                log.exception("the shares of connections could not be changed")
                pause = LOOK_SECONDS

    looking = threading.Thread(target=look, name="connection shares", daemon=True)
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join()
        shares.give_up()
