"""Adapter of the durable engine (DBOS Transact): takes a row under a fixed id, and carries its work through.

Each piece of work is short (one system of one case, one book, one audit) and named `task:row:attempt`. Handing the same
piece over twice does nothing. The engine makes no outside effect exactly-once: handlers read, write and read again.

The reconciler hands a piece over again until its row is settled. A queue in the engine would only repeat the rows, so a
piece waits and begins in this process (`Backlog`). The engine records the beginning under the piece's name, and only
one process can write that record.

Known traps of the engine, and how they are avoided (docs/decisions/0002):

* Serializer: JSON, because the engine's own is pickle.
* Application version: pinned, because the engine's own changes with every edit and strands waiting work.
* Recovery attempts: without a limit.
* SQLite before 3.42 works.
* Takeover from a dead process, and deletion of finished work: only on request (`take_over`, `delete_ended`).
* Work that failed while the engine could not record that, on a full disk, stays under way for it (`_broken`).
* Polls for features that are not used: switched off (`_without_polls`).
"""

import json
import logging
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID
from dbos import _dbos as launcher
from dbos import error as errors

from workflows.engine import engine_file
from workflows.engine.backlog import Backlog, Piece
from workflows.storage.store import KEEPALIVES, LIFE_SIGNS, session_options
from workflows.storage.work import Task

log = logging.getLogger(__name__)
Handler = Callable[[str], None]
UNDER_WAY = ["ENQUEUED", "PENDING", "DELAYED"]
OVER = frozenset({"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})
UNIXEPOCH_SUBSEC = (3, 42)
WIDE = "wide"
"""Queue of all tasks that limit themselves."""
WORKERS, MANY = 10, 1024
"""Pieces that run at a time in one process: of each task that does not limit itself, and of all in `WIDE`."""
RETRY_SECONDS = 1.0
"""Pause after a piece could not be begun, on a full disk or without a database."""
PAGE = 500
REMEMBERED = 5000
"""Pieces of work that a process remembers to have carried."""
FINISHED_FOR = timedelta(days=7)
POLLS = ("queue_thread", "background_jobs_thread", "dynamic_scheduler_loop")
"""Threads of the engine that poll. A test counts an idle engine's queries, as a newer release may rename them."""
LIMITS = {"idle_in_transaction_session_timeout": "5s", "lock_timeout": "10s"}
"""Limits that keep a paused process from holding rows of the engine."""


@dataclass(frozen=True, slots=True)
class Survey:
    """Attempts that have ended, well or badly, and attempts that the engine does not have."""

    ended: frozenset[Piece] = frozenset()
    unknown: frozenset[Piece] = frozenset()


class Engine:
    """Engine that carries work through kills and restarts. A process has one at a time."""

    def __init__(self, url: str, executor: str = "local") -> None:
        """Take a `url`, `sqlite:///...engine.sqlite` or `postgresql+psycopg://...` and this process's name."""
        self._url = url
        self.file = Path(str(sa.make_url(url).database)) if url.startswith("sqlite") else None
        """The engine's database on SQLite."""
        self.failure = ""
        """Error at the last try to begin a piece of work; empty after a success."""
        self.executor = executor
        self._handlers: dict[str, Handler] = {}
        self._wide: set[str] = set()
        self._backlog = Backlog()
        self._starter = threading.Thread(target=self._begin_waiting, name="engine starter", daemon=True)
        self._closing = threading.Event()
        self._on_end: Callable[[], None] = _nothing
        self._stopped: Callable[[], bool] = bool
        self._stops_at_once = False
        self._carry: Callable[..., None] | None = None
        self._rows: sa.Engine | None = None
        self._carried: OrderedDict[tuple[str, str], int] = OrderedDict()
        """The last attempt at each piece of work that began in this process."""
        self._broken: set[str] = set()
        """Work that failed in this process, even if the engine could not record that."""

    def register(self, task: str, handler: Handler, *, wide: bool = False) -> None:
        """Set the handler of a task. The handler gets the row's id, and must be safe to run again at any point.

        `WORKERS` pieces of a task run at a time in one process. A `wide` task runs hundreds, and limits itself.
        """
        self._handlers[task] = handler
        if wide:
            self._wide.add(task)

    def launch(self, *, expected: bool = False) -> None:
        """Start. On SQLite, work that a killed process left behind is handed over again at once.

        `expected`: there are rows of cases, so that a missing file on SQLite was lost. A damaged file is set aside.
        """
        if self.file is None:
            self._launch()
            return
        engine_file.prepare(self.file, expected=expected)
        try:
            self._launch()
        except (sa.exc.DBAPIError, errors.DBOSException) as error:
            self._forget()
            if engine_file.is_passing(getattr(error, "orig", None)):
                raise
            engine_file.set_aside(self.file, str(getattr(error, "orig", error)))
            self._launch()

    def _launch(self) -> None:
        """Start on a file that looks good.

        No two processes have the same name: the engine's own recovery would queue their work for a thread that polls.
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
            options = session_options({**LIMITS, **LIFE_SIGNS})
            arguments = {"application_name": "handover engine", "options": options, **KEEPALIVES}
            config["db_engine_kwargs"] = {"connect_args": arguments}
        DBOS(config=config)
        self._carry = self._workflow()
        with _without_polls():
            DBOS.launch()
        if self._rows is not None:
            self.take_over(lambda: {process})
        self._starter.start()

    def _workflow(self) -> Callable[..., None]:
        handlers = self._handlers

        # No step: a second record would cost as much as the first. A piece that was cut short runs again.
        @DBOS.workflow(name="carry", max_recovery_attempts=None)
        def carry(task: str, row: str) -> None:
            try:
                handlers[task](row)
            except Exception:  # the engine's signal that another process has the work is no `Exception`
                self._broken.add(str(DBOS.workflow_id))
                raise

        return carry

    def when_ended(self, call: Callable[[], None]) -> None:
        """Set the function that is called, from any thread, whenever a piece has ended in this process."""
        self._on_end = call

    def stop_while(self, stopped: Callable[[], bool], *, at_once: bool) -> None:
        """Set the function that returns whether no work may begin now. Due work waits, and other processes do it.

        `at_once`: work that a person asks for now does not begin either.
        """
        self._stopped, self._stops_at_once = stopped, at_once

    def enqueue(self, task: str, row: str, attempt: int) -> None:
        """Begin the work once its task has a free slot. An attempt that was handed over before is not begun again."""
        lane, slots = (WIDE, MANY) if task in self._wide else (task, WORKERS)
        self._backlog.add(lane, slots, (task, row, attempt))

    def start(self, task: str, row: str, attempt: int) -> None:
        """Begin the work at once in this process, past the backlog: for lock-outs that must not wait."""
        if not (self._stops_at_once and self._stopped()):
            self._begin(task, row, attempt, lambda _: self._on_end())

    def _begin(self, task: str, row: str, attempt: int, ended: Callable[[Any], None]) -> None:
        """Begin the work, and call `ended` at its end, or at once if any process began it before."""
        assert self._carry is not None, "launch comes first"  # noqa: S101
        with SetWorkflowID(name(task, row, attempt)):
            # By keyword: for arguments by position, the engine reads the function's signature at every call.
            handle = DBOS.start_workflow(self._carry, task=task, row=row)
        # Only work that begins in this process has a future.
        future = getattr(handle, "future", None)
        if future is None:
            ended(None)
        else:
            self._carried[task, row] = attempt
            self._carried.move_to_end((task, row))
            if len(self._carried) > REMEMBERED:
                self._carried.popitem(last=False)
            future.add_done_callback(ended)

    def _begin_waiting(self) -> None:
        while taken := self._backlog.take():
            lane, piece = taken
            if self._stopped():
                self._backlog.put_back(lane, piece)
                self._closing.wait(RETRY_SECONDS)
                continue
            try:
                self._begin(*piece, partial(self._free, lane, piece))
                self.failure = ""
            except Exception as error:  # noqa: BLE001 - after any error of the engine's rows, the piece must still begin later
                if self._closing.is_set():
                    return
                self.failure = str(getattr(error, "orig", None) or error)
                log.error("%s could not be begun: %s; it is tried again", name(*piece), error)  # noqa: TRY400
                self._backlog.put_back(lane, piece)
                self._closing.wait(RETRY_SECONDS)

    def _free(self, lane: str, piece: Piece, _future: Any) -> None:
        self._backlog.free(lane, piece)
        self._on_end()

    def carried_before(self, piece: Piece) -> bool:
        """Return whether this process carried the attempt before this one."""
        task, row, attempt = piece
        case = row.partition(":")[0]
        first = attempt == 1 and task == Task.REVOKE and (Task.LOCKOUT, case) in self._carried
        return first or self._carried.get((task, row)) == attempt - 1

    def pieces(self) -> frozenset[Piece]:
        """Return the work that waits or runs in this process."""
        return self._backlog.pieces()

    def survey(self, work: Iterable[Piece]) -> Survey:
        """Return the state of many attempts that this process does not run, in few queries."""
        unknown = {name(*item): item for item in work}
        ended: set[Piece] = set()
        for ids in _pages(sorted(unknown)):
            found = DBOS.list_workflows(workflow_ids=ids, load_input=False, load_output=False)
            if unrecorded := {item.workflow_id for item in found if item.status not in OVER} & self._broken:
                DBOS.cancel_workflows(sorted(unrecorded))
            for item in found:
                piece = unknown.pop(item.workflow_id)
                if item.status in OVER or item.workflow_id in unrecorded:
                    self._broken.discard(item.workflow_id)
                    ended.add(piece)
        return Survey(frozenset(ended), frozenset(unknown.values()))

    def take_over(self, alive: Callable[[], Collection[str]]) -> int:
        """Delete the unfinished work of processes that are not `alive`; return how much there was.

        The rows are still due, and are handed over again. The caller must make sure that those processes do nothing any
        more: the engine would let both continue.

        `alive` is called after the list of unfinished work is read. A process that starts in between has registered
        before it began any work. In the other order it would count as dead, and two processes would do its work.
        """
        found = DBOS.list_workflows(status=UNDER_WAY, load_input=False, load_output=False)
        living = alive()
        left = [workflow.workflow_id for workflow in found if workflow.executor_id not in living]
        for ids in _pages(left):
            DBOS.delete_workflows(ids)
        return len(left)

    def delete_ended(self, kept_for: timedelta = FINISHED_FOR) -> int:
        """Delete the engine's own record of work that ended longer ago; return how much there was.

        The rows of cases keep the results. A piece that is handed over again begins anew: handlers leave rows alone
        that are not due.
        """
        deleted, before = 0, (datetime.now(UTC) - kept_for).isoformat()
        while ended := DBOS.list_workflows(
            status=sorted(OVER), completed_before=before, limit=PAGE, load_input=False, load_output=False
        ):
            DBOS.delete_workflows([workflow.workflow_id for workflow in ended])
            deleted += len(ended)
        return deleted

    def close(self, seconds: int = 5) -> None:
        """Stop. Work that does not end within `seconds` is taken up again at the next launch."""
        self._closing.set()
        self._backlog.close()
        self._starter.join(seconds)
        self._forget(seconds)

    def _forget(self, seconds: int = 0) -> None:
        DBOS.destroy(workflow_completion_timeout_sec=seconds, destroy_registry=True)
        if self._rows is not None:  # the engine does not close a pool that it was given
            self._rows.dispose()


def _nothing(*_arguments: Any) -> None:
    """Do nothing."""


@contextmanager
def _without_polls() -> Iterator[None]:
    """Launch the engine without its threads for unused features: queues, schedules, delays and time limits.

    They send six queries a second while the process lives, and have no switch.
    """
    threads = {attribute: getattr(launcher, attribute) for attribute in POLLS if hasattr(launcher, attribute)}
    try:
        for attribute in threads:
            setattr(launcher, attribute, _nothing)
        yield
    finally:
        for attribute, thread in threads.items():
            setattr(launcher, attribute, thread)


def name(task: str, row: str, attempt: int) -> str:
    """Return the id of one attempt at one piece of work."""
    return f"{task}:{row}:{attempt}"


def _pages(ids: list[str]) -> Iterator[list[str]]:
    return (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))


def sqlite_url(folder: Path) -> str:
    """Return the address of the engine's own database in a data folder."""
    return f"sqlite:///{folder / 'engine.sqlite'}"


class _Json(Serializer):
    """Serializer for ids and empty results. JSON keeps a writer of the database from running code through it."""

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
        if sqlite3.sqlite_version_info < UNIXEPOCH_SUBSEC:  # Debian 12 has 3.40, the engine needs 3.42
            connection.create_function("unixepoch", -1, lambda *_: time.time())
        connection.isolation_level = "IMMEDIATE"
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
