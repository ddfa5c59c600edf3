"""Group commit: one transaction for the writes of several threads at the same moment.

The leading thread writes everything that waits: one BEGIN, one commit. Then the next waiting thread leads. While
commits follow each other closely, a leader first waits some milliseconds, so that one commit holds more. In a mass run,
2500 lock-outs make 7500 small writes in 30 seconds.
"""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlmodel import Session

R = TypeVar("R")
GATHER_SECONDS = 0.01
"""Seconds that a leader waits for others to join."""
CLOSE_SECONDS = 0.02
"""Longest time since another thread's commit after which a leader still waits. A lone writer never waits."""
MAX_PARTS = 50
"""Parts in one transaction, few enough that an urgent part never waits for long."""
PENDING = "statements to run at the end"
"""Key in `Session.info`."""


def run_later(session: Session, statement: sa.Insert | sa.Update, values: Mapping[str, Any]) -> None:
    """Run a statement at the end of the transaction, together with all others of its kind.

    Use this for rows that the transaction does not read again; `run_pending` runs the statements earlier. `statement`
    is built once, and its values always have the same names.
    """
    session.info.setdefault(PENDING, {}).setdefault(statement, []).append(values)


def run_pending(session: Session) -> None:
    """Run the postponed statements. Many values take one round trip to the database."""
    pending: dict[sa.Insert | sa.Update, list[Mapping[str, Any]]] = session.info.pop(PENDING, {})
    session.flush()
    for statement, values in pending.items():
        session.connection().execute(statement, values)


@dataclass(slots=True)
class _PendingWrite:
    work: Callable[[Session], Any]
    name: str
    called: threading.Event = field(default_factory=threading.Event)
    """Set once the part is done or must lead."""
    done: bool = False
    value: Any = None
    error: BaseException | None = None


class GroupCommit:
    """Group commit of parts. A part may be run again, so it changes nothing except its session."""

    def __init__(self, write: Callable[[Collection[str]], AbstractContextManager[Session]]) -> None:
        """Take `write`, which opens a transaction for some names; no names: for everything."""
        self._write = write
        self._waiting: list[_PendingWrite] = []
        self._has_leader = False
        self._leader = 0
        self._ended_at = 0.0
        self._list = threading.Lock()

    def run(self, work: Callable[[Session], R], name: str = "") -> R:
        """Run the part and return its value once the commit is done; raise the part's own error.

        `name` promises to stay within rows that belong to the name, as for `Store.write`.
        """
        part = _PendingWrite(work, name)
        with self._list:
            self._waiting.append(part)
            leads, self._has_leader = not self._has_leader, True
        if not leads:
            part.called.wait()
        if not part.done:
            self._lead()
        if part.error:
            raise part.error
        return cast("R", part.value)

    def _lead(self) -> None:
        last, self._leader = self._leader, threading.get_ident()
        if last != self._leader and time.monotonic() - self._ended_at < CLOSE_SECONDS:
            time.sleep(GATHER_SECONDS)
        with self._list:
            parts, self._waiting = self._waiting[:MAX_PARTS], self._waiting[MAX_PARTS:]
        try:
            self._carry(parts)
        except BaseException as error:
            for part in parts:
                if not part.done:  # its thread must not wait forever, nor take the part for written
                    part.error, part.done = error, True
            raise
        finally:
            with self._list:
                self._ended_at = time.monotonic()
                self._has_leader = bool(self._waiting)
                if self._has_leader:
                    self._waiting[0].called.set()
            for part in parts:
                part.called.set()

    def _carry(self, parts: list[_PendingWrite]) -> None:
        try:
            self._commit(parts)
        except Exception:
            if len(parts) == 1:
                raise
            for part in parts:  # one part is at fault, and the others must not fail with it
                self._alone(part)

    def _commit(self, parts: list[_PendingWrite]) -> None:
        names = {part.name for part in parts}
        with self._write(() if "" in names else names) as session:
            for wave in _waves(parts):
                for part in wave:
                    part.value = part.work(session)
                    session.flush()
                    session.expunge_all()  # the next part reads its rows afresh: statements have changed them
                run_pending(session)
        for part in parts:
            part.done = True

    def _alone(self, part: _PendingWrite) -> None:
        try:
            self._commit([part])
        except Exception as error:  # noqa: BLE001 - raised in the part's own thread
            part.error, part.done = error, True


def _waves(parts: list[_PendingWrite]) -> Iterable[list[_PendingWrite]]:
    """Return the parts in waves: within a wave, no part reads a row that another part changes at the end."""
    if not all(part.name for part in parts):
        return [[part] for part in parts]
    waves: dict[int, list[_PendingWrite]] = defaultdict(list)
    seen = Counter[str]()
    for part in parts:
        waves[seen[part.name]].append(part)
        seen[part.name] += 1
    return waves.values()
