"""Upgrades: a database of 0.2.0 with a row in every table keeps its rows."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from workflows.storage.store import MIGRATIONS, Store, sqlite_url

V0_2_0 = "0001"
"""Schema revision of version 0.2.0, the first that upgrades start from."""
VALUES: dict[type[sa.types.TypeEngine[Any]], Any] = {
    sa.DateTime: datetime(2026, 11, 30, tzinfo=UTC),
    sa.Boolean: True,
    sa.Integer: 1,
    sa.Float: 1.0,
    sa.LargeBinary: b"sealed",
}


def value(column: sa.Column[Any]) -> Any:
    """Return a value of the column's type; a text is the same everywhere, so that foreign keys hold."""
    return next((made for kind, made in VALUES.items() if isinstance(column.type, kind)), "one")


def fill(url: str) -> dict[str, int]:
    """Make the tables of 0.2.0 and write one row into each; return the number of rows by table."""
    engine = sa.create_engine(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, V0_2_0)
        tables = sa.MetaData()
        tables.reflect(connection)
        known = [table for table in tables.sorted_tables if table.name != "alembic_version"]
        for table in known:
            connection.execute(table.insert(), {column.name: value(column) for column in table.columns})
    engine.dispose()
    return {table.name: 1 for table in known}


def count(url: str) -> dict[str, int]:
    """Return the number of rows by table."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        tables = sa.MetaData()
        tables.reflect(connection)
        found = {
            table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in tables.sorted_tables
            if table.name != "alembic_version"
        }
    engine.dispose()
    return found


@pytest.fixture
def old(tmp_path: Path) -> str:
    """Return the address of an SQLite file that version 0.2.0 made."""
    return sqlite_url(tmp_path)


def test_a_database_of_0_2_0_keeps_its_rows(old: str) -> None:
    before = fill(old)
    assert len(before) > 25
    store = Store(old)
    store.upgrade()
    store.close()
    after = count(old)
    assert {name: after[name] for name in before} == before
