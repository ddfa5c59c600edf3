"""Comparison of rows with what should be done by now: what is due is handed to the engine.

In memory, in every process: a lost tick heals with the next one, a doubled one does nothing, because work is handed
over under a fixed id.
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
"""Pieces of work under way whose end is looked for at every tick; of ten times as many, at every tenth."""
CROWD, OTHERS_PER_TICK = 100, 2
"""While more lock-outs than `CROWD` are due, one for each person and system, so many pieces of every other task are
handed over at a tick: whoever leaves is locked out first, and nothing stands still."""
HORIZON = timedelta(seconds=5)
"""A tick also learns what falls due until the next one at the latest, so that it comes in time."""
BUSY_SECONDS = 1.0
"""When to look again while work is under way: its end is noticed at once, its crash at the look after."""


def _due_rows(task: str, model: type[Work]) -> sa.Select[Any]:
    """Return the question for one task's rows, in a form that a union on SQLite may hold."""
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
    """Return one question for all due work: a dozen every half second was most of what an idle bot did."""
    return sa.union_all(*(_due_rows(task, model) for task, model in TASKS.items()))


class Reconciler:
    """Hands due rows to the engine, and heals those whose attempt ended without settling the row."""

    def __init__(self, store: Store, engine: Engine, clock: Clock) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock
        self._question = due_question()
        self._handed: set[WorkKey] = set()
        self._ended: set[WorkKey] = set()
        self._ticks = 0

    def tick(self) -> float:
        """Compare rows with the time once; return in how many seconds the next tick must come."""
        now = self._clock.now()
        soon = self._due(now + HORIZON)
        due = {row: carried(*row) for row, due_at in soon if due_at <= now}
        new = _in_turn([row for row in due if row not in self._handed], crowd=sum(task == "revoke" for task, *_ in due))
        for work in dict.fromkeys(due[row] for row in new):
            self._engine.enqueue(*work)
        # Settling a row takes a moment: it has crashed if it is still due at the tick after the one that saw it end.
        for task, row_id, attempt in self._ended & due.keys():
            self._next_attempt(TASKS[task], row_id, attempt)
        self._ended, forgotten = self._look(due, self._handed & due.keys() - self._ended)
        self._handed = due.keys() & self._handed.union(new) - forgotten
        if due:
            return BUSY_SECONDS
        return min((due_at - now for _, due_at in soon), default=HORIZON).total_seconds()

    def _look(self, due: Mapping[WorkKey, WorkKey], rows: set[WorkKey]) -> tuple[set[WorkKey], set[WorkKey]]:
        """Return those of the rows whose work has come to its end, and those whose work must be handed over again."""
        work = {due[row] for row in rows}
        self._ticks += 1
        if not work or self._ticks % (1 + len(work) // FEW):
            return set(), set()
        found = self._engine.survey(work)
        return {row for row in rows if due[row] in found.ended}, {row for row in rows if due[row] in found.unknown}

    def _due(self, until: datetime) -> list[tuple[WorkKey, datetime]]:
        """Return in one question what is due until then, what has been due for longest first."""
        with self._store.read() as session:
            rows = session.execute(self._question, {"until": until}).all()
        return sorted((((task, row_id, attempt), due_at) for task, row_id, attempt, due_at in rows), key=_due_at)

    def _next_attempt(self, model: type[Work], row_id: str, attempt: int) -> None:
        # The attempt is over and the row is still due at it: it crashed (disk full, a bug). The guard on `attempt`
        # makes this nothing where the row was settled between our two reads.
        log.error("%s %s: attempt %s ended without a result; trying again", model.__name__, row_id, attempt)
        with self._store.write() as session:
            row = session.get_one(model, row_id, with_for_update=True)
            if row.state == WorkState.DUE and row.attempt == attempt:
                again(session, row, self._clock.now() + FIRST_RETRY)


def _due_at(one: tuple[WorkKey, datetime]) -> datetime:
    return one[1]


def _in_turn(new: list[WorkKey], crowd: int) -> list[WorkKey]:
    """Return what to hand over now. While a crowd is being locked out, of every other task only a few at a time."""
    if crowd <= CROWD:
        return new
    before = Counter[str]()
    chosen = []
    for piece in new:
        before[piece[0]] += 1
        if piece[0] == "revoke" or before[piece[0]] <= OTHERS_PER_TICK:
            chosen.append(piece)
    return chosen
