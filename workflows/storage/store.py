"""Store of the rows: one SQLite file, or PostgreSQL, with sessions, migrations, and errors such as a full disk.

Writers take turns on both (docs/decisions/0006). A row that is read and changed inside `write` loses no update, in one
process or in several. SQLite has one lock for the file. PostgreSQL has one for everything, or one per name for writers
that promise to stay within that name.
"""

import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlmodel import Session

from config.text import _
from workflows.storage.group_commit import GroupCommit, run_pending
from workflows.storage.rows.table import bind_vault
from workflows.storage.vault import Vault

R = TypeVar("R")
MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "0017"
"""Newest revision in `migrations`."""
REVISION = sa.table("alembic_version", sa.column("version_num"))
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON")
LIMITS = {"lock_timeout": "2s", "idle_in_transaction_session_timeout": "5s", "statement_timeout": "60s"}
"""Limits for a process that is paused, or cut off, during a transaction: others must not wait longer.

Its sessions that wait for a lock leave the queue before the one that has the lock is ended. So none of them gets it
next. A living process tries again (`LOCK_SECONDS`).
"""
LIFE_SIGNS = {
    "client_connection_check_interval": "2s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10s",
}
"""Limits by which the server ends the sessions of a process that is dead, or not reachable."""
KEEPALIVES = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}
"""The same for this side."""
LOCK_SECONDS = 20.0
"""Seconds for which a living process waits for a lock."""
LOCK_NOT_AVAILABLE = "55P03"
"""State of a statement that met `lock_timeout` (PostgreSQL, appendix A)."""
LOCK_EVERYTHING = sa.text("select pg_advisory_xact_lock(7233, 0)")
LOCK_NAMES = sa.text(
    "select pg_advisory_xact_lock_shared(7233, 0) "
    "union all select pg_advisory_xact_lock(7234, key) from unnest(cast(:keys as int[])) key"
)
"""Statement that locks names beside writers of other names, never beside `LOCK_EVERYTHING`.

Keys are sorted, so that two writers of several names cannot wait for each other.
"""
LISTEN, NOTIFY = "listen handover_rows", "notify handover_rows"
"""Statements by which processes on one PostgreSQL notify each other of changed rows."""


class StorageFailed(Exception):
    """Rows cannot be read or written now (disk full, server gone). The transaction was rolled back."""


class NewerTables(Exception):
    """The tables are of a newer version of Handover. This one must neither read nor write them."""


class Store:
    """Sessions on the rows. `write` lets writers take turns; `read` never waits for them."""

    def __init__(self, url: str, vault: Vault | None = None, *, announce: bool = False) -> None:
        """Take a `url`, `sqlite:////path/handover.sqlite` or `postgresql+psycopg://...`.

        `vault`: keys of the identifiers in the rows; without it, only the journal's proof can be read.
        `announce`: notify the running processes of every commit, for a command that runs nothing itself.
        """
        self.url = url
        self._on_commit: list[Callable[[], None]] = []
        self.vault = vault
        self._writer = connect(url, vault)
        self._reader = connect(url, vault, read_only=True)
        # SQLite makes a second writer sleep for up to 100 ms at a time; instead, threads of one process queue here
        # (measured: a lock-out of 8 systems ended 0.2 to 0.5 s earlier).
        self._queue: AbstractContextManager[object] = nullcontext() if self.postgres else threading.Lock()
        self._together = GroupCommit(self._transaction)
        self._announces = announce and self.postgres

    def write(self, name: str = "") -> AbstractContextManager[Session]:
        """Open a transaction: committed at the end, rolled back on any exception. Raises `StorageFailed`.

        `name`, such as a case's id, promises to read and change only rows that belong to the name. On PostgreSQL,
        writers of other names then write at the same time. Without a name, this is the only writer.
        """
        return self._transaction((name,) if name else ())

    def when_committed(self, call: Callable[[], None]) -> None:
        """Add a function that is called after every commit of this process, in the writer's thread."""
        self._on_commit.append(call)

    def group_write(self, work: Callable[[Session], R], name: str = "") -> R:
        """Run `work` in one transaction with the writes of other threads at the same moment.

        `work` may be run a second time, and must change nothing except its session. `name` is as for `write`.
        """
        return self._together.run(work, name)

    @contextmanager
    def _transaction(self, names: Collection[str]) -> Iterator[Session]:
        with self._queue, Session(self._writer, expire_on_commit=False) as session, _storage_errors():
            self._take_turn(session, names)
            yield session
            run_pending(session)
            if self._announces:
                session.connection().exec_driver_sql(NOTIFY)
            session.commit()
        for call in self._on_commit:
            call()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a consistent, read-only view of the rows. Raises `StorageFailed`."""
        with Session(self._reader, expire_on_commit=False) as session, _storage_errors():
            yield session

    @property
    def postgres(self) -> bool:
        """True if several processes may share these rows."""
        return self._writer.dialect.name == "postgresql"

    def now(self, session: Session) -> datetime:
        """Return the database's own time, on which all replicas agree, independent of a clock that was set."""
        if not self.postgres:
            return datetime.now(UTC)
        moment: datetime = session.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return moment.astimezone(UTC)

    def upgrade(self) -> None:
        """Migrate the tables to this version. Existing rows are kept, and replicas that start at once take turns.

        Raises `NewerTables`.
        """
        revision = self._revision()
        if revision == HEAD:
            return
        from alembic import command  # noqa: PLC0415 - a large library, needed only where tables must change
        from alembic.config import Config  # noqa: PLC0415
        from alembic.script import ScriptDirectory  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        if revision and revision not in {one.revision for one in ScriptDirectory.from_config(config).walk_revisions()}:
            raise NewerTables(
                _(
                    "the stored data belongs to a newer version of Handover (tables {found}, known here: {known})"
                ).format(found=revision, known=HEAD)
            )
        with self._writer.connect() as connection:
            if self.postgres:
                for limit in ("lock_timeout", "statement_timeout"):  # a long migration is no fault
                    connection.exec_driver_sql(f"set local {limit} = 0")
                connection.execute(LOCK_EVERYTHING)
            config.attributes.update(connection=connection, vault=self.vault)
            command.upgrade(config, "head")
            connection.commit()

    def _revision(self) -> str:
        """Return the revision of the tables, or an empty text if there are none yet."""
        with self._reader.connect() as connection:
            if not sa.inspect(connection).has_table(REVISION.name):
                return ""
            return str(connection.execute(sa.select(REVISION.c.version_num)).scalar_one_or_none() or "")

    def close(self) -> None:
        """Close the connections."""
        self._writer.dispose()
        self._reader.dispose()

    def _take_turn(self, session: Session, names: Collection[str]) -> None:
        # Read committed, and the lock before the first read: the next read shows the last writer's result.
        if not self.postgres:
            return
        end, fresh = time.monotonic() + LOCK_SECONDS, False
        while True:
            try:
                _lock(session, names)
            except sa.exc.OperationalError as error:
                if error.connection_invalidated and not fresh:
                    fresh = True  # the server restarted meanwhile: the pool is new
                elif not _waited(error) or time.monotonic() > end:
                    raise
                session.rollback()  # nothing has happened yet
            else:
                return


def _lock(session: Session, names: Collection[str]) -> None:
    connection = session.connection()
    if names:
        connection.execute(LOCK_NAMES, {"keys": sorted({lock_key(name) for name in names})})
    else:
        connection.execute(LOCK_EVERYTHING)


def _waited(error: sa.exc.OperationalError) -> bool:
    return getattr(error.orig, "sqlstate", "") == LOCK_NOT_AVAILABLE


def lock_key(name: str) -> int:
    """Return the number that PostgreSQL locks for a name. Two names may share a number, and then take turns."""
    return zlib.crc32(name.encode()) - 2**31


def sqlite_url(folder: Path) -> str:
    """Return the address of the database in a data folder."""
    return f"sqlite:///{folder / 'handover.sqlite'}"


def connect(url: str, vault: Vault | None = None, *, read_only: bool = False, pool_size: int = 20) -> sa.Engine:
    """Return a pool of connections, none open yet. A read-only connection sees one moment of the rows throughout."""
    engine = (_sqlite if url.startswith("sqlite") else _postgres)(url, read_only, pool_size)
    bind_vault(engine, vault)
    return engine


def _postgres(url: str, read_only: bool, pool_size: int) -> sa.Engine:
    options = {**LIMITS, **LIFE_SIGNS, "default_transaction_read_only": "on" if read_only else "off"}
    arguments = {
        "connect_timeout": 10,
        "application_name": "handover",
        "options": session_options(options),
        **KEEPALIVES,
    }
    isolation = "REPEATABLE READ" if read_only else "READ COMMITTED"
    return sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=read_only,  # a writer's first statement finds a dead connection itself (`_take_turn`)
        isolation_level=isolation,
        connect_args=arguments,
    )


def session_options(options: Mapping[str, str]) -> str:
    """Return PostgreSQL's session settings in the form of its connection parameter `options`."""
    return " ".join(f"-c {key}={value}" for key, value in options.items())


def _sqlite(url: str, read_only: bool, pool_size: int) -> sa.Engine:
    engine = sa.create_engine(url, connect_args={"check_same_thread": False}, pool_size=pool_size)
    pragmas = (*PRAGMAS, "query_only=ON") if read_only else PRAGMAS
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    # The driver would open a transaction only at the first write, which loses updates between read and write. With
    # its own handling off, our BEGIN comes first (measured: 410 of 480 updates lost without it, none with it).
    @sa.event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InternalError) as error:
        raise StorageFailed(str(error.orig)) from error
    except sa.exc.TimeoutError as error:
        raise StorageFailed(_("every connection to the database is in use")) from error
