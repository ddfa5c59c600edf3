"""APScheduler ticks that compare rows with what should be done by now, and hand what is due to the engine.

In memory, in every process: a lost tick heals with the next one, a doubled one does nothing, because work is handed
over under a fixed id.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime

from apscheduler.schedulers.background import BackgroundScheduler
from sqlmodel import col, select

from workflows.engine import Engine
from workflows.model import WorkState
from workflows.ports import Clock
from workflows.store import Store
from workflows.work import FIRST_RETRY, TASKS, Work, again, carried

log = logging.getLogger(__name__)
Piece = tuple[str, str, int]
"""Task, row and attempt."""
PAGE = 5000
FEW = 100
"""Pieces of work under way whose end is looked for at every tick; of ten times as many, at every tenth."""
CROWD, BESIDE = 100, 2
"""While more lock-outs than `CROWD` are due, one for each person and system, so many pieces of every other task are
handed over at a tick: whoever leaves is locked out first, and nothing stands still."""


class Reconciler:
    """Hands due rows to the engine, and heals those whose attempt ended without settling the row."""

    def __init__(self, store: Store, engine: Engine, clock: Clock) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock
        self._handed: set[Piece] = set()
        self._ended: set[Piece] = set()
        self._ticks = 0

    def tick(self) -> None:
        """One comparison of rows with the time."""
        due = {row: carried(*row) for row in self._due(self._clock.now())}
        new = _in_turn([row for row in due if row not in self._handed], crowd=sum(task == "revoke" for task, *_ in due))
        for work in dict.fromkeys(due[row] for row in new):
            self._engine.hand(*work)
        # Settling a row takes a moment: it has crashed if it is still due at the tick after the one that saw it end.
        for task, row_id, attempt in self._ended & due.keys():
            self._next_attempt(TASKS[task], row_id, attempt)
        self._ended = self._look(due, self._handed & due.keys() - self._ended)
        self._handed = due.keys() & self._handed.union(new)

    def _look(self, due: Mapping[Piece, Piece], rows: set[Piece]) -> set[Piece]:
        """Return those of the rows whose work has come to its end."""
        work = {due[row] for row in rows}
        self._ticks += 1
        if self._ticks % (1 + len(work) // FEW):
            return set()
        ended = self._engine.ended(work)
        return {row for row in rows if due[row] in ended}

    def _due(self, now: datetime) -> list[Piece]:
        found: list[Piece] = []
        with self._store.read() as session:
            for task, model in TASKS.items():
                rows = session.exec(
                    select(model.id, model.attempt)
                    .where(model.state == WorkState.DUE, col(model.due_at) <= now)
                    .order_by(col(model.due_at))
                    .limit(PAGE)
                )
                found += [(task, row_id, attempt) for row_id, attempt in rows]
        return found

    def _next_attempt(self, model: type[Work], row_id: str, attempt: int) -> None:
        # The attempt is over and the row is still due at it: it crashed (disk full, a bug). The guard on `attempt`
        # makes this nothing where the row was settled between our two reads.
        log.error("%s %s: attempt %s ended without a result; trying again", model.__name__, row_id, attempt)
        with self._store.write() as session:
            row = session.get_one(model, row_id, with_for_update=True)
            if row.state == WorkState.DUE and row.attempt == attempt:
                again(session, row, self._clock.now() + FIRST_RETRY)


def _in_turn(new: list[Piece], crowd: int) -> list[Piece]:
    """Return what to hand over now. While a crowd is being locked out, of every other task only a few at a time."""
    if crowd <= CROWD:
        return new
    before = Counter[str]()
    chosen = []
    for piece in new:
        before[piece[0]] += 1
        if piece[0] == "revoke" or before[piece[0]] <= BESIDE:
            chosen.append(piece)
    return chosen


class Ticker:
    """Runs jobs in the background, each at its own pace, never twice at a time, each going on after a failure."""

    def __init__(self) -> None:
        self._scheduler = BackgroundScheduler(
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}, timezone="UTC"
        )

    def every(self, seconds: float, job: Callable[[], object], name: str) -> None:
        """Add a job."""
        self._scheduler.add_job(_logged(job, name), "interval", seconds=seconds, id=name)

    def start(self) -> None:
        """Begin ticking."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop; a job under way is waited for."""
        self._scheduler.shutdown(wait=True)


def _logged(job: Callable[[], object], name: str) -> Callable[[], None]:
    def run() -> None:
        try:
            job()
        except Exception:  # the tick must come again whatever this one met; the log says what
            log.exception("tick %s failed; it is tried again at the next tick", name)

    return run
