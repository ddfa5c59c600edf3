"""A thin port over the durable engine (DBOS Transact): hand it a row under a fixed id, and it carries the work through.

Each piece of work is short (one system of one case, one book, one audit) and named `task:row:attempt`; handing the
same one over twice does nothing. Nothing outside is made exactly-once by this: handlers read, write and read again.
The reconciler hands a piece over again until its row is settled, so that a queue in the engine would only be a second
list of what the rows say already: a piece waits in this process (`Backlog`) and begins in it. What begins is written
down by the engine under the piece's name, and only one process can write that.

Ways round the engine's known traps (docs/decisions/0002): a JSON serializer (its own is pickle), a pinned application
version (its own changes with every edit and strands waiting work), no limit on recovery attempts, SQLite before 3.42;
nobody takes over from a dead process, or deletes what is finished, unless asked to (`take_over`, `delete_ended`); work
that failed while the engine could not write that down (a full disk) is under way to it for ever (`_broken`); and it
polls for what is not used here (`_without_polls`).
"""

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID
from dbos import _dbos as launcher

from workflows.engine.backlog import Backlog, Piece

log = logging.getLogger(__name__)
Handler = Callable[[str], None]
UNDER_WAY = ["ENQUEUED", "PENDING", "DELAYED"]
OVER = frozenset({"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})
UNIXEPOCH_SUBSEC = (3, 42)
WIDE = "wide"
"""The lane of all tasks that bound themselves."""
WORKERS, MANY = 10, 1024
"""Pieces under way at a time in one process: of each task that does not bound itself, and of all in `WIDE`."""
RETRY_SECONDS = 1.0
"""How long a piece waits that could not be begun: a full disk, a database that is away."""
PAGE = 500
POLLS = ("queue_thread", "background_jobs_thread", "dynamic_scheduler_loop")
"""The engine's threads that poll. A test counts what an idle engine asks, as a newer release may rename them."""
IDLE_LIMIT = "-c idle_in_transaction_session_timeout=10s -c lock_timeout=20s"
"""A paused process must not keep a row of the engine's from the others."""


@dataclass(frozen=True, slots=True)
class Survey:
    """Attempts that have ended, well or badly, and those that the engine does not know (any more)."""

    ended: frozenset[Piece]
    unknown: frozenset[Piece]


class Engine:
    """Carries work through kill and restart. One in a process at a time."""

    def __init__(self, url: str, executor: str = "local") -> None:
        """`url`: `sqlite:///...engine.sqlite` or `postgresql+psycopg://...`; `executor` names this process."""
        self._url = url
        self.executor = executor
        self._handlers: dict[str, Handler] = {}
        self._wide: set[str] = set()
        self._backlog = Backlog()
        self._starter = threading.Thread(target=self._begin_waiting, name="engine starter", daemon=True)
        self._closing = threading.Event()
        self._on_end: Callable[[], None] = _nothing
        self._carry: Callable[[str, str], None] | None = None
        self._rows: sa.Engine | None = None
        self._broken: set[str] = set()
        """What failed in this process, whether the engine could write that down or not."""

    def register(self, task: str, handler: Handler, *, wide: bool = False) -> None:
        """Name the handler of a task. It gets the row's id, and must be safe to run again at any point.

        `WORKERS` pieces of a task run at a time in one process; of a `wide` one hundreds, which bound themselves.
        """
        self._handlers[task] = handler
        if wide:
            self._wide.add(task)

    def launch(self) -> None:
        """Start. On SQLite, work that a killed process left behind is handed over again at once.

        No two processes have one name to the engine: its own recovery would queue such work for a thread that polls.
        """
        process = f"{self.executor}/{uuid4().hex[:8]}" if self._url.startswith("sqlite") else self.executor
        config: DBOSConfig = {
            "name": "handover",
            "system_database_url": self._url,
            "executor_id": process,
            "application_version": "1",
            "serializer": _Json(),
            "log_level": "ERROR",
        }
        if self._url.startswith("sqlite"):
            self._rows = config["system_database_engine"] = _sqlite(self._url)
        else:
            arguments = {"application_name": "handover engine", "options": IDLE_LIMIT}
            config["db_engine_kwargs"] = {"connect_args": arguments}
        DBOS(config=config)
        self._carry = self._workflow()
        with _without_polls():
            DBOS.launch()
        if self._rows is not None:
            self.take_over(lambda: {process})
        self._starter.start()

    def _workflow(self) -> Callable[[str, str], None]:
        handlers = self._handlers

        # No step: a second record of the same piece would cost as much as the first. What is cut short runs again whole.
        @DBOS.workflow(name="carry", max_recovery_attempts=None)
        def carry(task: str, row: str) -> None:
            try:
                handlers[task](row)
            except Exception:  # not the engine's word that another process has the work: that is no `Exception`
                self._broken.add(str(DBOS.workflow_id))
                raise

        return carry

    def when_ended(self, call: Callable[[], None]) -> None:
        """Name the function that is called, from any thread, whenever a piece has ended in this process."""
        self._on_end = call

    def enqueue(self, task: str, row: str, attempt: int) -> None:
        """Begin the work once its task has a free slot; nothing where this attempt was handed over before."""
        lane, slots = (WIDE, MANY) if task in self._wide else (task, WORKERS)
        self._backlog.add(lane, slots, (task, row, attempt))

    def start(self, task: str, row: str, attempt: int) -> None:
        """Begin the work at once in this process, past the backlog: for lock-outs that must not wait."""
        self._begin(task, row, attempt, lambda _: self._on_end())

    def _begin(self, task: str, row: str, attempt: int, ended: Callable[[Any], None]) -> None:
        """Begin the work, and call `ended` at its end; at once where it has begun before, here or elsewhere."""
        assert self._carry is not None, "launch comes first"  # noqa: S101
        with SetWorkflowID(name(task, row, attempt)):
            handle = DBOS.start_workflow(self._carry, task, row)
        # Only the handle of what begins in this process has a future.
        future = getattr(handle, "future", None)
        if future is None:
            ended(None)
        else:
            future.add_done_callback(ended)

    def _begin_waiting(self) -> None:
        while taken := self._backlog.take():
            lane, piece = taken
            try:
                self._begin(*piece, partial(self._free, lane))
            except Exception as error:  # noqa: BLE001 - whatever the engine's rows met, the piece must begin some day
                if self._closing.is_set():
                    return
                log.error("%s could not be begun: %s; it is tried again", name(*piece), error)  # noqa: TRY400
                self._backlog.put_back(lane, piece)
                self._closing.wait(RETRY_SECONDS)
            else:
                self._backlog.forget(piece)

    def _free(self, lane: str, _future: Any) -> None:
        self._backlog.free(lane)
        self._on_end()

    def has_ended(self, task: str, row: str, attempt: int) -> bool:
        """Whether this attempt has come to an end, well or badly, or is forgotten; ask only of what was handed over."""
        if (task, row, attempt) in self._backlog.waiting():
            return False
        status = DBOS.get_workflow_status(name(task, row, attempt))
        return status is None or status.status in OVER

    def survey(self, work: Iterable[Piece]) -> Survey:
        """Return what has become of many attempts, in few questions."""
        # Asked first: what leaves the backlog meanwhile is found in the engine's rows.
        waiting = self._backlog.waiting()
        unknown = {name(*one): one for one in work if one not in waiting}
        ended: set[Piece] = set()
        for ids in _pages(sorted(unknown)):
            found = DBOS.list_workflows(workflow_ids=ids, load_input=False, load_output=False)
            if unsaid := {one.workflow_id for one in found if one.status not in OVER} & self._broken:
                DBOS.cancel_workflows(sorted(unsaid))
            for one in found:
                piece = unknown.pop(one.workflow_id)
                if one.status in OVER or one.workflow_id in unsaid:
                    self._broken.discard(one.workflow_id)
                    ended.add(piece)
        return Survey(frozenset(ended), frozenset(unknown.values()))

    def take_over(self, alive: Callable[[], Collection[str]]) -> int:
        """Forget what processes that are not `alive` had begun and not ended; return how much there was.

        Its rows are due still, and are handed over again. The caller must know that those processes do nothing any
        more: the engine would let both go on. `alive` is asked once what was begun is known. A process that comes up
        between the two has made itself known before it began anything; asked the other way round, it would be taken
        for dead, and its work done by two at once.
        """
        found = DBOS.list_workflows(status=UNDER_WAY, load_input=False, load_output=False)
        living = alive()
        left = [one.workflow_id for one in found if one.executor_id not in living]
        for ids in _pages(left):
            DBOS.delete_workflows(ids)
        return len(left)

    def delete_ended(self, before: datetime) -> int:
        """Delete the engine's own record of work that ended before then; return how much there was.

        The rows of cases keep what came of it. Whoever hands one of these over again starts it anew: handlers leave
        rows alone that are not due.
        """
        gone = 0
        while ended := DBOS.list_workflows(
            status=sorted(OVER), completed_before=before.isoformat(), limit=PAGE, load_input=False, load_output=False
        ):
            DBOS.delete_workflows([one.workflow_id for one in ended])
            gone += len(ended)
        return gone

    def close(self, seconds: int = 5) -> None:
        """Stop; what does not end in `seconds` is taken up again at the next launch."""
        self._closing.set()
        self._backlog.close()
        self._starter.join(seconds)
        DBOS.destroy(workflow_completion_timeout_sec=seconds, destroy_registry=True)
        if self._rows is not None:  # it was given from outside, so it is not the engine's to close
            self._rows.dispose()


def _nothing(*_arguments: Any) -> None:
    """Do nothing."""


@contextmanager
def _without_polls() -> Iterator[None]:
    """Launch the engine without its threads for what is not used here: queues, schedules, delays and time limits.

    They ask the database six questions a second for as long as the process lives, and have no switch.
    """
    threads = {one: getattr(launcher, one) for one in POLLS if hasattr(launcher, one)}
    try:
        for one in threads:
            setattr(launcher, one, _nothing)
        yield
    finally:
        for one, thread in threads.items():
            setattr(launcher, one, thread)


def name(task: str, row: str, attempt: int) -> str:
    """Return the id of one attempt at one piece of work."""
    return f"{task}:{row}:{attempt}"


def _pages(ids: list[str]) -> Iterator[list[str]]:
    return (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))


def sqlite_url(folder: Path) -> str:
    """Return the address of the engine's own rows in a data folder."""
    return f"sqlite:///{folder / 'engine.sqlite'}"


class _Json(Serializer):
    """Arguments are ids and results nothing; whoever can write the database must not be able to run code with it."""

    def serialize(self, data: Any) -> str:
        return json.dumps(data, default=str)

    def deserialize(self, serialized_data: str) -> Any:
        return json.loads(serialized_data)

    def name(self) -> str:
        return "json"


def _sqlite(url: str) -> sa.Engine:
    engine = sa.create_engine(url)

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: Any) -> None:
        if sqlite3.sqlite_version_info < UNIXEPOCH_SUBSEC:  # Debian 12 has 3.40, the engine asks for 3.42
            connection.create_function("unixepoch", -1, lambda *_: time.time())
        connection.isolation_level = "IMMEDIATE"
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
