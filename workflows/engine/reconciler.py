"""APScheduler ticks that compare rows with what should be done by now, and hand what is due to the engine.

In memory, in every process: a lost tick heals with the next one, a doubled one does nothing, because work is handed
over under a fixed id.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from sqlmodel import col, select

from workflows.engine.durable import Engine
from workflows.ports import Clock
from workflows.storage.rows.work_state import WorkState
from workflows.storage.store import StorageFailed, Store
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
WATCH_SECONDS = 1.0
CLOCK_TOLERANCE = timedelta(seconds=1)
"""A clock that is set right by less puts off no job for long."""


class Reconciler:
    """Hands due rows to the engine, and heals those whose attempt ended without settling the row."""

    def __init__(self, store: Store, engine: Engine, clock: Clock) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock
        self._handed: set[WorkKey] = set()
        self._ended: set[WorkKey] = set()
        self._ticks = 0

    def tick(self) -> None:
        """One comparison of rows with the time."""
        due = {row: carried(*row) for row in self._due(self._clock.now())}
        new = _in_turn([row for row in due if row not in self._handed], crowd=sum(task == "revoke" for task, *_ in due))
        for work in dict.fromkeys(due[row] for row in new):
            self._engine.enqueue(*work)
        # Settling a row takes a moment: it has crashed if it is still due at the tick after the one that saw it end.
        for task, row_id, attempt in self._ended & due.keys():
            self._next_attempt(TASKS[task], row_id, attempt)
        self._ended = self._look(due, self._handed & due.keys() - self._ended)
        self._handed = due.keys() & self._handed.union(new)

    def _look(self, due: Mapping[WorkKey, WorkKey], rows: set[WorkKey]) -> set[WorkKey]:
        """Return those of the rows whose work has come to its end."""
        work = {due[row] for row in rows}
        self._ticks += 1
        if self._ticks % (1 + len(work) // FEW):
            return set()
        ended = self._engine.ended(work)
        return {row for row in rows if due[row] in ended}

    def _due(self, now: datetime) -> list[WorkKey]:
        found: list[WorkKey] = []
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


class Ticker:
    """Runs jobs in the background, each at its own pace, never twice at a time, each going on after a failure.

    The scheduler goes by the machine's clock: after that was set back by a day it would rest for a day, and after it
    was set ahead by a year it would first count every tick of that year (2 GB a minute, until there is no more).
    """

    def __init__(self) -> None:
        self._scheduler = BackgroundScheduler(
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}, timezone="UTC"
        )
        self._stopped = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="ticker's watch", daemon=True)

    def every(self, seconds: float, job: Callable[[], object], name: str) -> None:
        """Add a job."""
        self._scheduler.add_job(_logged(job, name), _IntervalTrigger(timedelta(seconds=seconds)), id=name)

    def start(self) -> None:
        """Begin ticking."""
        self._scheduler.start()
        self._watcher.start()

    def stop(self) -> None:
        """Stop; a job under way is waited for."""
        self._stopped.set()
        self._watcher.join()
        self._scheduler.shutdown(wait=True)

    def _watch(self) -> None:
        """Wake jobs that a clock set back has put off; waits by seconds that pass, whatever the clock says."""
        while not self._stopped.wait(WATCH_SECONDS):
            now = datetime.now(UTC)
            for job in self._scheduler.get_jobs():
                if job.next_run_time > now + job.trigger.span + CLOCK_TOLERANCE:
                    job.modify(next_run_time=now)


class _IntervalTrigger(BaseTrigger):  # type: ignore[misc] # APScheduler gives no types
    """So long after the present moment, and not after the last run: what a leap of the clock left out is left out."""

    def __init__(self, span: timedelta) -> None:
        self.span = span

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        """Return when to run next."""
        return now + self.span


def _logged(job: Callable[[], object], name: str) -> Callable[[], None]:
    def run() -> None:
        try:
            job()
        except StorageFailed as error:  # no stack trace several times a second, on a disk that is full
            log.error("tick %s failed: %s; it is tried again at the next tick", name, error)  # noqa: TRY400
        except Exception:  # the tick must come again whatever this one met; the log says what
            log.exception("tick %s failed; it is tried again at the next tick", name)

    return run
