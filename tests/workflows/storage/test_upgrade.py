"""Upgrades: a database of 0.2.0 with a row in every table keeps its rows."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel, select

from tests.workflows.tables import VAULT
from workflows.storage import backup
from workflows.storage.rows.access import LeaverAccount
from workflows.storage.rows.outbox import OutboxMessage
from workflows.storage.rows.table import Identifier, seal_identifier
from workflows.storage.store import HEAD, NewerTables, Store, sqlite_url
from workflows.storage.upgrade import fill as fill_tables
from workflows.storage.upgrade import migrate, plan

V0_2_0 = "0001"
"""Schema revision of version 0.2.0, the first that upgrades start from."""


def fill(url: str) -> dict[str, int]:
    """Make the tables of 0.2.0 and write one row into each; return the number of rows by table."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        migrate(connection, V0_2_0)
        made = fill_tables(connection)
    engine.dispose()
    return made


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
    filled = fill(old)
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
        if table.name in filled and isinstance(column.type, Identifier)  # later tables have no rows of that version
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


def test_the_plan_of_an_upgrade_is_what_the_upgrade_then_does(old: str, tmp_path: Path) -> None:
    made = fill(old)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    planned = plan(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before, "a plan writes nothing"
    assert (planned.found, planned.known, planned.version) == (V0_2_0, HEAD, "0.2.0")
    kept = contents(old)
    upgraded(old).close()
    after = contents(old)
    changes = {change.table: change for change in planned.changes}
    assert {name for name, change in changes.items() if change.new} == after.keys() - kept.keys()
    for name, rows in kept.items():
        change = changes.get(name)
        columns = {column for row in after[name] for column in row} - {column for row in rows for column in row}
        assert set(change.columns if change else ()) == columns, name
        same = [{column: row[column] for column in rows[0]} for row in after[name]] == rows
        assert same == (change is None or not change.rewritten), name
        assert change is None or change.rows == made[name]
    assert planned.needed > 0
    assert planned.free
    assert plan(tmp_path).needless


def contents(url: str) -> dict[str, list[dict[str, object]]]:
    """Return the rows of every table."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        tables = sa.MetaData()
        tables.reflect(connection)
        found = {
            table.name: [dict(row) for row in connection.execute(table.select()).mappings()]
            for table in tables.sorted_tables
            if table.name != "alembic_version"
        }
    engine.dispose()
    return found


def test_there_is_no_plan_for_tables_of_a_newer_version_and_none_is_needed_without_data(
    old: str, tmp_path: Path
) -> None:
    assert (plan(tmp_path).found, plan(tmp_path).changes) == ("", ())
    assert list(tmp_path.iterdir()) == []
    fill(old)
    engine = sa.create_engine(old)
    with engine.begin() as connection:
        connection.exec_driver_sql("update alembic_version set version_num = '9999'")
    engine.dispose()
    with pytest.raises(NewerTables, match="9999"):
        plan(tmp_path)
