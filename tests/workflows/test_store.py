"""Rows survive what happens to processes and disks: migrations match the model, writers queue, a full disk is said."""

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import Session, SQLModel, select

from workflows.model import Post, PostKind
from workflows.store import StorageFailed, Store, sqlite_url


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(sqlite_url(tmp_path))
    store.upgrade()
    return store


def _post(session: Session, post_id: str, text: str = "") -> None:
    session.add(Post(id=post_id, kind=PostKind.CASE, subject=text, channel="C1"))


def test_migrations_give_exactly_the_tables_of_the_model(store: Store) -> None:
    engine = sa.create_engine(store.url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
    engine.dispose()


def test_upgrading_twice_keeps_the_rows(store: Store) -> None:
    with store.write() as session:
        _post(session, "one")
    store.upgrade()
    with store.read() as session:
        assert session.get(Post, "one") is not None


def test_an_exception_leaves_nothing_behind(store: Store) -> None:
    with pytest.raises(RuntimeError), store.write() as session:
        _post(session, "half")
        session.flush()
        raise RuntimeError
    with store.read() as session:
        assert session.get(Post, "half") is None


def test_concurrent_read_modify_writes_lose_no_update(store: Store) -> None:
    with store.write() as session:
        _post(session, "counter")

    def add() -> None:
        for _ in range(20):
            with store.write() as session:
                row = session.get_one(Post, "counter")
                row.wanted += 1
                session.add(row)

    threads = [threading.Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as session:
        assert session.get_one(Post, "counter").wanted == 121


def test_readers_do_not_wait_for_a_writer(store: Store) -> None:
    with store.write() as session:
        _post(session, "uncommitted")
        session.flush()
        with store.read() as reader:
            assert reader.exec(select(Post)).all() == []


def test_a_full_disk_is_said_and_nothing_of_the_transaction_stays(store: Store) -> None:
    with store.write() as session:
        _post(session, "before")
    with store.write() as session:
        session.connection().exec_driver_sql("PRAGMA max_page_count = 1")
        limit = session.connection().exec_driver_sql("PRAGMA page_count").scalar_one()
        session.connection().exec_driver_sql(f"PRAGMA max_page_count = {limit}")
    with pytest.raises(StorageFailed, match="full"), store.write() as session:
        for number in range(200):
            _post(session, f"big-{number}", "x" * 5000)
    with store.write() as session:
        session.connection().exec_driver_sql("PRAGMA max_page_count = 1000000")
        _post(session, "after")
    with store.read() as session:
        assert sorted(session.exec(select(Post.id))) == ["after", "before"]
