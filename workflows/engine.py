"""A thin port over the durable engine (DBOS Transact): hand it a row under a fixed id, and it carries the work through.

Each piece of work is short (one system of one case, one book, one audit) and named `task:row:attempt`; handing the
same one over twice does nothing. Nothing outside is made exactly-once by this: handlers read, write and read again.
Ways round the engine's known traps (docs/decisions/0002): a JSON serializer (its own is pickle), a pinned application
version (its own changes with every edit and strands waiting work), no limit on recovery attempts, SQLite before 3.42.
"""

import json
import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID

log = logging.getLogger(__name__)
Handler = Callable[[str], None]
OVER = frozenset({"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})
UNIXEPOCH_SUBSEC = (3, 42)
WORKERS = 10
POLL_SECONDS = 0.2


class Engine:
    """Carries work through kill and restart. One in a process at a time."""

    def __init__(self, url: str, executor: str = "local") -> None:
        """`url`: `sqlite:///...engine.sqlite` or `postgresql+psycopg://...`; `executor` names this process."""
        self._url = url
        self._executor = executor
        self._handlers: dict[str, Handler] = {}
        self._carry: Callable[[str, str], None] | None = None

    def register(self, task: str, handler: Handler) -> None:
        """Name the handler of a task. It gets the row's id, and must be safe to run again at any point."""
        self._handlers[task] = handler

    def launch(self) -> None:
        """Start; work that a killed process left behind is taken up again at once."""
        config: DBOSConfig = {
            "name": "handover",
            "system_database_url": self._url,
            "executor_id": self._executor,
            "application_version": "1",
            "serializer": _Json(),
            "log_level": "ERROR",
        }
        if self._url.startswith("sqlite"):
            config["system_database_engine"] = _sqlite(self._url)
        DBOS(config=config)
        self._carry = self._workflow()
        DBOS.launch()
        for task in self._handlers:
            DBOS.register_queue(task, worker_concurrency=WORKERS, polling_interval_sec=POLL_SECONDS)

    def _workflow(self) -> Callable[[str, str], None]:
        handlers = self._handlers

        @DBOS.step(name="work")
        def work(task: str, row: str) -> None:
            handlers[task](row)

        @DBOS.workflow(name="carry", max_recovery_attempts=None)
        def carry(task: str, row: str) -> None:
            work(task, row)

        return carry

    def hand(self, task: str, row: str, attempt: int) -> None:
        """Queue the work; nothing where this attempt was handed over before."""
        assert self._carry is not None, "launch comes first"  # noqa: S101
        with SetWorkflowID(name(task, row, attempt)):
            DBOS.enqueue_workflow(task, self._carry, task, row)

    def start(self, task: str, row: str, attempt: int) -> None:
        """Begin the work at once in this process, past every queue: for lock-outs that must not wait."""
        assert self._carry is not None, "launch comes first"  # noqa: S101
        with SetWorkflowID(name(task, row, attempt)):
            DBOS.start_workflow(self._carry, task, row)

    def over(self, task: str, row: str, attempt: int) -> bool:
        """Whether this attempt has come to an end, well or badly."""
        status = DBOS.get_workflow_status(name(task, row, attempt))
        return status is not None and status.status in OVER

    def close(self, seconds: int = 5) -> None:
        """Stop; what does not end in `seconds` is taken up again at the next launch."""
        DBOS.destroy(workflow_completion_timeout_sec=seconds, destroy_registry=True)


def name(task: str, row: str, attempt: int) -> str:
    """Return the id of one attempt at one piece of work."""
    return f"{task}:{row}:{attempt}"


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
