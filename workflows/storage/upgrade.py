"""Plan of an upgrade of the tables: what it would change, found on an empty copy of them, without touching the rows.

The tables of the found revision are made in memory, each with one invented row, and are upgraded there. The rows are
counted where they are.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from config.text import _
from workflows.storage.store import HEAD, MIGRATIONS, REVISION, NewerTables, connect
from workflows.storage.vault import Vault

VALUES: Mapping[type[sa.types.TypeEngine[Any]], Any] = {
    sa.DateTime: datetime(2026, 11, 30, tzinfo=UTC),
    sa.Boolean: True,
    sa.Integer: 1,
    sa.Float: 1.0,
    sa.LargeBinary: b"sealed",
}
"""Invented value by type of column. A text is the same everywhere, so that references hold."""
TEXT = "one"
FIRST = {"0001": "0.2.0"}
"""Released versions by the newest revision of their tables."""


@dataclass(frozen=True, slots=True)
class TableChange:
    """Change of one table. `rows`: those there are now; each of them is written anew if `rewritten`."""

    table: str
    rows: int = 0
    new: bool = False
    columns: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    rewritten: bool = False


@dataclass(frozen=True, slots=True)
class UpgradePlan:
    """Changes of an upgrade. `found` is empty where there are no tables yet. Sizes are in bytes."""

    found: str
    known: str
    version: str
    changes: tuple[TableChange, ...]
    needed: int
    free: int | None
    """Free space; None where it is the database server's."""

    @property
    def needless(self) -> bool:
        """True if the tables are this version's."""
        return self.found == self.known


@dataclass(frozen=True, slots=True)
class _Shape:
    """Columns, indexes and the invented rows of one table."""

    columns: frozenset[str]
    indexes: frozenset[str]
    rows: tuple[Mapping[str, Any], ...]


def plan(storage: str | Path) -> UpgradePlan:
    """Return the plan for the rows in a data folder, or in PostgreSQL by its address. Writes nothing.

    Raises `NewerTables`.
    """
    file = storage / "handover.sqlite" if isinstance(storage, Path) else None
    free = shutil.disk_usage(storage).free if isinstance(storage, Path) and storage.is_dir() else None
    if file and not file.is_file():
        return UpgradePlan("", HEAD, "", (), 0, free)
    url = f"sqlite:///file:{file}?mode=ro&uri=true" if file else str(storage)
    engine = sa.create_engine(url) if file else connect(url, read_only=True)
    try:
        with engine.connect() as connection:
            found = revision(connection)
            changes = changed_tables(found) if found and found != HEAD else {}
            rows = {name: _count(connection, name) for name, change in changes.items() if not change.new}
            size = _size(connection)
    finally:
        engine.dispose()
    listed = tuple(
        TableChange(name, rows.get(name, 0), change.new, change.columns, change.indexes, change.rewritten)
        for name, change in changes.items()
    )
    # A rewritten row stands in the log beside the file until the end.
    needed = size if any(change.rewritten and change.rows for change in listed) else size // 10
    return UpgradePlan(found, HEAD, FIRST.get(found, ""), listed, needed if changes else 0, free)


def revision(connection: sa.Connection) -> str:
    """Return the revision of the tables, or an empty text if there are none yet."""
    if not sa.inspect(connection).has_table(REVISION.name):
        return ""
    return str(connection.execute(sa.select(REVISION.c.version_num)).scalar_one_or_none() or "")


def changed_tables(found: str) -> dict[str, TableChange]:
    """Return the change of each table between a revision and this version's, by a trial in memory."""
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    try:
        with engine.begin() as connection:
            migrate(connection, found)
            fill(connection)
            before = _shapes(connection)
            migrate(connection, HEAD)
            after = _shapes(connection)
    finally:
        engine.dispose()
    changes = {name: _change(name, before.get(name), shape) for name, shape in sorted(after.items())}
    return {name: change for name, change in changes.items() if change}


def migrate(connection: sa.Connection, target: str) -> None:
    """Bring tables for a trial to a revision, under a key that is thrown away. Raises `NewerTables`."""
    from alembic import command  # noqa: PLC0415 - a large library, needed only where tables must change
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    if target not in {one.revision for one in ScriptDirectory.from_config(config).walk_revisions()}:
        raise NewerTables(
            _("the stored data belongs to a newer version of Handover (tables {found}, known here: {known})").format(
                found=target, known=HEAD
            )
        )
    config.attributes.update(connection=connection, vault=Vault(os.urandom(32)))
    command.upgrade(config, target)


def fill(connection: sa.Connection) -> dict[str, int]:
    """Write one invented row into every table; return the number of rows by table."""
    tables = _tables(connection)
    for table in tables:
        connection.execute(table.insert(), {column.name: value(column) for column in table.columns})
    return {table.name: 1 for table in tables}


def value(column: sa.Column[Any]) -> Any:
    """Return an invented value of the column's type."""
    return next((made for kind, made in VALUES.items() if isinstance(column.type, kind)), TEXT)


def _tables(connection: sa.Connection) -> list[sa.Table]:
    known = sa.MetaData()
    known.reflect(connection)
    return [table for table in known.sorted_tables if table.name != REVISION.name]


def _shapes(connection: sa.Connection) -> dict[str, _Shape]:
    return {
        table.name: _Shape(
            frozenset(table.columns.keys()),
            frozenset(str(index.name) for index in table.indexes),
            tuple(dict(row) for row in connection.execute(table.select()).mappings()),
        )
        for table in _tables(connection)
    }


def _change(name: str, before: _Shape | None, after: _Shape) -> TableChange | None:
    if before is None:
        return TableChange(name, new=True)
    kept = [{key: row[key] for key in row if key in before.columns} for row in after.rows]
    change = TableChange(
        name,
        columns=tuple(sorted(after.columns - before.columns)),
        indexes=tuple(sorted(after.indexes - before.indexes)),
        rewritten=kept != list(before.rows),
    )
    return change if change != TableChange(name) else None


def _count(connection: sa.Connection, name: str) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar_one())


def _size(connection: sa.Connection) -> int:
    """Return the bytes of the database."""
    if connection.dialect.name == "postgresql":
        return int(connection.exec_driver_sql("select pg_database_size(current_database())").scalar_one())
    pages, size = (connection.exec_driver_sql(f"pragma {name}").scalar_one() for name in ("page_count", "page_size"))
    return int(pages) * int(size)
