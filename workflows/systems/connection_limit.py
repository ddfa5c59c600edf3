"""A system's limit on connections, kept by all replicas together.

Each replica holds a share of the limit, written in one row. A replica shrinks its own connector before its row says so,
and widens it only after the row was committed: the shares never exceed the limit, at any moment. Requests ask only
their own connector; the rows are looked at once a second.
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
"""Seconds between two looks at the rows; the second where this replica waits for more."""
TURN_SECONDS = 5.0
"""Seconds that a connection stays with one replica, where there are fewer connections than replicas."""


def split(limit: int, hungry: Mapping[str, bool], turn: int = 0) -> dict[str, int]:
    """Return the share of each replica. Pure.

    Every replica has one connection at least, so that urgent work begins at once. What is left goes to the hungry
    ones, evenly; where none is, to all. With fewer connections than replicas they take turns, the hungry ones first.
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
    """The shares of this replica, of every system's connections."""

    def __init__(
        self, store: Store, systems: Mapping[str, System], replica_id: str, backlog: Callable[[str], int]
    ) -> None:
        """`backlog`: how many lock-outs wait for a system, before they ask for a connection."""
        self._store, self._replica, self._backlog = store, replica_id, backlog
        self._pools: dict[str, Connections] = {}
        self._limits: dict[str, int] = {}
        for name, system in systems.items():
            if pool := system.connector.connections():
                self._pools[name], self._limits[name] = pool, pool.size
                pool.resize(0)

    def look(self) -> bool:
        """Bring this replica's shares to what they should be; return whether it waits for more."""
        with self._store.read() as session:
            rows = _rows(session)
            settled = all(self._is_settled(name, pool, rows[name]) for name, pool in self._pools.items())
        if not settled:
            self._change()
        return any(pool.wanted + self._backlog(name) > pool.size or not pool.size for name, pool in self._pools.items())

    def give_up(self) -> None:
        """Give the shares back at the end of the process; what is still in use stays until the process is dead."""
        used = {name for name, pool in self._pools.items() if pool.resize(0)}
        with self._store.write("connections") as session:
            for row in session.exec(select(ConnectionShare).where(ConnectionShare.replica_id == self._replica)):
                if row.system not in used:
                    session.delete(row)

    def _is_settled(self, name: str, pool: Connections, rows: Mapping[str, ConnectionShare]) -> bool:
        mine = rows.get(self._replica)
        if mine is None or mine.held != pool.size or mine.hungry != self._is_hungry(name, len(rows)):
            return False
        return mine.held == self._target(name, rows)

    def _change(self) -> None:
        wider: dict[str, int] = {}
        with self._store.write("connections") as session:
            living = [one.id for one in session.exec(select(Replica)) if not _ended(one, self._replica)]
            if self._replica not in living:
                return  # not registered yet
            session.execute(sa.delete(ConnectionShare).where(col(ConnectionShare.replica_id).not_in(living)))
            rows = _rows(session)
            for name, pool in self._pools.items():
                mine = rows[name].get(self._replica) or ConnectionShare(
                    id=f"{name}:{self._replica}", system=name, replica_id=self._replica
                )
                rows[name][self._replica] = mine
                mine.hungry = self._is_hungry(name, len(rows[name]))
                target = self._target(name, rows[name])
                if target < mine.held:
                    mine.held = max(target, pool.resize(target))
                else:
                    others = sum(row.held for row in rows[name].values()) - mine.held
                    mine.held = wider[name] = max(mine.held, min(target, self._limits[name] - others))
                session.add(mine)
        for name, size in wider.items():
            self._pools[name].resize(size)

    def _target(self, name: str, rows: Mapping[str, ConnectionShare]) -> int:
        hungry = {replica: row.hungry for replica, row in rows.items()}
        return split(self._limits[name], hungry, int(time.time() / TURN_SECONDS))[self._replica]

    def _is_hungry(self, name: str, replicas: int) -> bool:
        return self._pools[name].wanted + self._backlog(name) > self._limits[name] // max(1, replicas)


def _ended(replica: Replica, own: str) -> bool:
    """Whether a process of this machine is known to have ended; of another machine its missing heartbeat tells."""
    if replica.id == own or replica.host != socket.gethostname():
        return False
    if replica.pid == os.getpid():  # a container's first process has the same number every time
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
    """Keep every system's limit together with all other replicas, for as long as the context lasts."""
    shares, over = ConnectionShares(store, systems, replica_id, backlog), threading.Event()

    def look() -> None:
        pause = 0.0
        while not over.wait(pause):
            try:
                pause = SOON_SECONDS if shares.look() else LOOK_SECONDS
            except StorageFailed as error:
                log.warning("the shares of connections could not be read: %s", error)
                pause = LOOK_SECONDS
            except Exception:  # the next look must come whatever this one met; the log says what
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
