"""Comparison of rows with the time: due work is handed to the engine.

Each process keeps its own state in memory. The next tick repairs a lost one. A doubled tick does nothing, because work
is handed over under a fixed id.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Mapped
from sqlmodel import col, select

from workflows.engine.backlog import Piece
from workflows.engine.durable import Engine, Survey
from workflows.ports import Clock
from workflows.storage.rows.access import Access
from workflows.storage.rows.table import UtcDateTime
from workflows.storage.rows.work_state import WorkRow, WorkState
from workflows.storage.store import Store
from workflows.storage.work import FIRST_RETRY, TASKS, Task, again

log = logging.getLogger(__name__)
LOCKOUTS = (Task.LOCKOUT, Task.REVOKE)
PAGE, OTHERS_PAGE = 5000, 200
"""Pieces that a tick reads: of each kind of lock-out, and of each other task. A process runs far fewer at a time."""
FEW = 100
"""Pieces of other processes whose end is checked at every tick; for ten times as many, at every tenth tick."""
MASS_RUN, OTHERS_EVERY = 20, timedelta(seconds=1)
"""Limits during a mass run.

If more leavers than `MASS_RUN` are due, every other task gets one piece a second. Lock-outs go first, and nothing
stands still.
"""
HORIZON = timedelta(seconds=5)
"""A tick also reads the work that falls due before the next tick, so that it begins in time."""
YIELD = timedelta(seconds=2)
"""Time for which a process leaves a retry to the others, if it carried the attempt before.

Perhaps it alone cannot reach the system.
"""
BUSY_SECONDS = 1.0
"""Seconds until the next check while work is under way. Its end is seen at once, its crash one check later."""


def due_question() -> sa.CompoundSelect[Any]:
    """Return one query for all due work: a dozen queries every half second were most of an idle bot's work.

    The first lock-outs of a case are one piece of work, however many systems there are.
    """
    attempt = col(Access.attempt)
    return sa.union_all(
        _pieces(Task.LOCKOUT, Access, col(Access.case_id), attempt == 0),
        _pieces(Task.REVOKE, Access, col(Access.id), attempt > 0),
        *(_pieces(task, model, col(model.id)) for task, model in TASKS.items() if task != Task.REVOKE),
    )


def _pieces(task: str, model: type[WorkRow], row: Mapped[str], *which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Return the query for one task's work, in a form that a union on SQLite accepts."""
    due_at = cast("sa.ColumnElement[datetime]", col(model.due_at))
    earliest = sa.func.min(due_at)
    due = (
        sa.select(row.label("id"), sa.func.min(col(model.attempt)).label("attempt"), earliest.label("due_at"))
        .where(col(model.state) == WorkState.DUE, due_at <= sa.bindparam("until", type_=UtcDateTime), *which)
        .group_by(row)
        .order_by(earliest)
        .limit(PAGE if task in LOCKOUTS else OTHERS_PAGE)
        .subquery()
    )
    return sa.select(sa.literal_column(f"'{task}'").label("task"), due)


class Reconciler:
    """Reconciler that hands due rows to the engine, and retries those whose attempt ended without settling the row."""

    def __init__(self, store: Store, engine: Engine, clock: Clock, others: Callable[[], bool] = bool) -> None:
        """Take `others`, which returns whether other processes work on the same rows."""
        self._store = store
        self._engine = engine
        self._clock = clock
        self._others = others
        self._question = due_question()
        self._handed: set[Piece] = set()
        self._postponed: set[Piece] = set()
        """Pieces that were seen before they were due: retries, and work for a day."""
        self._ended: frozenset[Piece] = frozenset()
        self._ticks = 0
        self._others_at: datetime | None = None

    def tick(self) -> float:
        """Compare rows with the time once; return the seconds until the next tick."""
        now = self._clock.now()
        with self._store.read() as session:
            rows = session.connection().execute(self._question, {"until": now + HORIZON}).all()
        soon = sorted((due_at, (task, row_id, attempt)) for task, row_id, attempt, due_at in rows)
        due = {piece: None for due_at, piece in soon if due_at <= now}  # in order, longest due first
        new = due.keys() - self._handed - self._left_to_others(soon, now)
        handed = [piece for piece in due if piece in new]
        if sum(task in LOCKOUTS for task, *_ in due) > MASS_RUN:
            handed = self._limit_others(handed, now)
        for piece in handed:
            self._engine.enqueue(*piece)
        # Settling a row takes a moment: a row has crashed if it is still due one tick after its end was seen.
        for crashed in self._ended & due.keys():
            self._next_attempt(*crashed)
        found = self._look(self._handed & due.keys() - self._ended)
        self._ended = found.ended
        self._handed = due.keys() & self._handed.union(handed) - found.unknown
        if due:
            return BUSY_SECONDS
        return min((due_at - now for due_at, _ in soon), default=HORIZON).total_seconds()

    def _left_to_others(self, soon: list[tuple[datetime, Piece]], now: datetime) -> set[Piece]:
        """Return the retries that another process may begin first."""
        pieces = {piece: due_at for due_at, piece in soon}
        self._postponed = self._postponed & pieces.keys() | {piece for piece, due_at in pieces.items() if due_at > now}
        if not self._others():
            return set()
        recent = (piece for piece in self._postponed if pieces[piece] <= now < pieces[piece] + YIELD)
        return {piece for piece in recent if self._engine.carried_before(piece)}

    def _limit_others(self, new: list[Piece], now: datetime) -> list[Piece]:
        """Return the new lock-outs, and once in `OTHERS_EVERY` the first new piece of every other task."""
        others: dict[str, Piece] = {}
        if self._others_at is None or abs(now - self._others_at) >= OTHERS_EVERY:  # the clock may go back
            self._others_at = now
            others = {piece[0]: piece for piece in reversed(new) if piece[0] not in LOCKOUTS}
        return [*(piece for piece in new if piece[0] in LOCKOUTS), *others.values()]

    def _look(self, work: set[Piece]) -> Survey:
        """Return the state of work that this process does not run."""
        elsewhere = work - self._engine.pieces()
        self._ticks += 1
        if not elsewhere or self._ticks % (1 + len(elsewhere) // FEW):
            return Survey()
        return self._engine.survey(elsewhere)

    def _next_attempt(self, task: str, row_id: str, attempt: int) -> None:
        # The attempt is over and its rows are still due: it crashed (disk full, a bug). The check of `attempt` makes
        # this harmless if a row was settled between the two reads.
        now = self._clock.now()
        model = TASKS[Task.REVOKE if task == Task.LOCKOUT else task]
        row = Access.case_id if task == Task.LOCKOUT else model.id
        crashed = select(model).where(row == row_id, model.attempt == attempt, model.state == WorkState.DUE)
        with self._store.write() as session:
            for work in session.exec(crashed.where(col(model.due_at) <= now).with_for_update()):
                log.error("%s: attempt %s at %s ended without a result; trying again", task, attempt, work.id)
                again(session, work, now + FIRST_RETRY)
