"""Comparison of rows with the time: due work is handed to the engine.

Each process keeps its own state in memory. The next tick repairs a lost one. A doubled tick does nothing, because work
is handed over under a fixed id.
"""

import logging
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlmodel import col

from workflows.engine.durable import Engine
from workflows.ports import Clock
from workflows.storage.rows.table import UtcDateTime
from workflows.storage.rows.work_state import WorkState
from workflows.storage.store import Store
from workflows.storage.work import FIRST_RETRY, TASKS, Work, again, carried

log = logging.getLogger(__name__)
WorkKey = tuple[str, str, int]
"""Task, row and attempt."""
PAGE = 5000
FEW = 100
"""Pieces under way whose end is checked at every tick; for ten times as many, at every tenth tick."""
MASS_RUN, OTHERS_PER_TICK = 100, 2
"""Limits during a mass run.

If more lock-outs than `MASS_RUN` are due, only so many pieces of every other task are handed over at a tick.
Lock-outs go first, and nothing stands still.
"""
HORIZON = timedelta(seconds=5)
"""A tick also reads the work that falls due before the next tick, so that it begins in time."""
BUSY_SECONDS = 1.0
"""Seconds until the next check while work is under way. Its end is seen at once, its crash one check later."""


def _due_rows(task: str, model: type[Work]) -> sa.Select[Any]:
    """Return the query for one task's rows, in a form that a union on SQLite accepts."""
    due_at = cast("sa.ColumnElement[datetime]", col(model.due_at))
    rows = (
        sa.select(col(model.id), col(model.attempt), due_at.label("due_at"))
        .where(col(model.state) == WorkState.DUE, due_at <= sa.bindparam("until", type_=UtcDateTime))
        .order_by(due_at)
        .limit(PAGE)
        .subquery()
    )
    return sa.select(sa.literal_column(f"'{task}'").label("task"), rows.c.id, rows.c.attempt, rows.c.due_at)


def due_question() -> sa.CompoundSelect[Any]:
    """Return one query for all due work: a dozen queries every half second were most of an idle bot's work."""
    return sa.union_all(*(_due_rows(task, model) for task, model in TASKS.items()))


class Reconciler:
    """Reconciler that hands due rows to the engine, and retries those whose attempt ended without settling the row."""

    def __init__(self, store: Store, engine: Engine, clock: Clock) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock
        self._question = due_question()
        self._handed: set[WorkKey] = set()
        self._ended: set[WorkKey] = set()
        self._ticks = 0

    def tick(self) -> float:
        """Compare rows with the time once; return the seconds until the next tick."""
        now = self._clock.now()
        soon = self._due(now + HORIZON)
        due = {row: carried(*row) for row, due_at in soon if due_at <= now}
        new = _limit_others(
            [row for row in due if row not in self._handed], lockouts_due=sum(task == "revoke" for task, *_ in due)
        )
        for work in dict.fromkeys(due[row] for row in new):
            self._engine.enqueue(*work)
        # Settling a row takes a moment: a row has crashed if it is still due one tick after its end was seen.
        for task, row_id, attempt in self._ended & due.keys():
            self._next_attempt(TASKS[task], row_id, attempt)
        self._ended, forgotten = self._look(due, self._handed & due.keys() - self._ended)
        self._handed = due.keys() & self._handed.union(new) - forgotten
        if due:
            return BUSY_SECONDS
        return min((due_at - now for _, due_at in soon), default=HORIZON).total_seconds()

    def _look(self, due: Mapping[WorkKey, WorkKey], rows: set[WorkKey]) -> tuple[set[WorkKey], set[WorkKey]]:
        """Return the rows whose work has ended, and the rows whose work must be handed over again."""
        work = {due[row] for row in rows}
        self._ticks += 1
        if not work or self._ticks % (1 + len(work) // FEW):
            return set(), set()
        found = self._engine.survey(work)
        return {row for row in rows if due[row] in found.ended}, {row for row in rows if due[row] in found.unknown}

    def _due(self, until: datetime) -> list[tuple[WorkKey, datetime]]:
        """Return the work due until then, longest due first."""
        with self._store.read() as session:
            rows = session.execute(self._question, {"until": until}).all()
        return sorted((((task, row_id, attempt), due_at) for task, row_id, attempt, due_at in rows), key=_due_at)

    def _next_attempt(self, model: type[Work], row_id: str, attempt: int) -> None:
        # The attempt is over and the row is still due: it crashed (disk full, a bug). The check of `attempt` makes this
        # harmless if the row was settled between the two reads.
        log.error("%s %s: attempt %s ended without a result; trying again", model.__name__, row_id, attempt)
        with self._store.write() as session:
            row = session.get_one(model, row_id, with_for_update=True)
            if row.state == WorkState.DUE and row.attempt == attempt:
                again(session, row, self._clock.now() + FIRST_RETRY)


def _due_at(entry: tuple[WorkKey, datetime]) -> datetime:
    return entry[1]


def _limit_others(new: list[WorkKey], lockouts_due: int) -> list[WorkKey]:
    """Return the work to hand over now. During a mass run, every other task gets only a few pieces."""
    if lockouts_due <= MASS_RUN:
        return new
    before = Counter[str]()
    chosen = []
    for piece in new:
        before[piece[0]] += 1
        if piece[0] == "revoke" or before[piece[0]] <= OTHERS_PER_TICK:
            chosen.append(piece)
    return chosen
