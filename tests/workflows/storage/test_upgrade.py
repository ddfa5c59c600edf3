"""Upgrades: a database of 0.2.0 with a row in every table keeps its rows."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlmodel import SQLModel, select

from tests.workflows.tables import VAULT
from workflows.storage import backup
from workflows.storage.rows.access import LeaverAccount
from workflows.storage.rows.outbox import OutboxMessage
from workflows.storage.rows.table import Identifier, seal_identifier
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


def upgraded(url: str) -> Store:
    """Return the store of this version on the rows of 0.2.0."""
    store = Store(url, VAULT)
    store.upgrade()
    return store


def test_a_database_of_0_2_0_keeps_its_rows(old: str) -> None:
    before = fill(old)
    assert len(before) > 25
    upgraded(old).close()
    after = count(old)
    assert {name: after[name] for name in before} == before


def test_identifiers_of_0_2_0_are_sealed_and_found(old: str, tmp_path: Path) -> None:
    fill(old)
    store = upgraded(old)
    with store.read() as session:
        account = session.exec(select(LeaverAccount).where(LeaverAccount.account_id == "one")).one()
        assert (account.id, account.system) == ("one", "one")
        assert session.get_one(OutboxMessage, "one").channel == "one"
    store.close()
    known = {
        (table.name, column.name): column.type
        for table in SQLModel.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Identifier)
    }
    assert len(known) > 30
    del known["outbox_message", "recipient"]  # newer than that version, so that nobody is known there
    engine = sa.create_engine(old)
    with engine.connect() as connection:
        for (table, column), kind in known.items():
            query = f'select "{column}" from {table}'
            assert connection.exec_driver_sql(query).scalars().all() == [seal_identifier(VAULT, kind, "one")], (
                table,
                column,
            )
    engine.dispose()


def test_nothing_of_an_identifier_stays_in_the_file(old: str, tmp_path: Path) -> None:
    fill(old)
    engine = sa.create_engine(old)
    with engine.begin() as connection:
        accounts = sa.Table("leaver_account", sa.MetaData(), autoload_with=connection)
        [row] = connection.execute(accounts.select()).mappings()
        made = [{**row, "id": f"HO-1:crm:uid=dana{n}", "account_id": f"uid=dana{n}"} for n in range(300)]
        connection.execute(accounts.insert(), made)
    engine.dispose()
    assert b"uid=dana" in (tmp_path / "handover.sqlite").read_bytes()
    upgraded(old).close()
    assert b"uid=dana" not in b"".join(path.read_bytes() for path in tmp_path.glob("handover.sqlite*"))


def test_rows_to_be_sealed_are_refused_without_a_key(old: str) -> None:
    fill(old)
    store = Store(old)
    with pytest.raises(ValueError, match="master key"):
        store.upgrade()
    store.close()
    upgraded(old).close()


def test_a_backup_of_0_2_0_is_checked_after_an_upgrade_of_its_copy(old: str, tmp_path: Path) -> None:
    made = fill(old)
    backup.make(Path(old.removeprefix("sqlite:///")).parent, tmp_path / "copy", datetime.now(UTC))
    found = backup.check(tmp_path / "copy", VAULT, (), (), scratch=tmp_path / "scratch")
    assert found.cases == made["case_"]
    assert {name: number for name, number in count(old).items() if name in made} == made
