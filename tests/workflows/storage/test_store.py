"""Rows survive what happens to processes and disks: migrations match the model, writers queue, a full disk is said."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import Session, SQLModel, select

from tests.sandbox.postgres import Postgres
from tests.sandbox.stalling import StallingProxy
from tests.workflows.tables import VAULT
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.store import HEAD, LIMITS, MIGRATIONS, NewerTables, StorageFailed, Store


def _write(store: Store, *names: str, text: str = "", then: Callable[[Session], object] = bool) -> None:
    with store.write() as session:
        for name in names:
            _post(session, name, text)
        session.flush()
        then(session)


def _post(session: Session, post_id: str, text: str = "") -> None:
    session.add(OutboxMessage(id=post_id, kind=MessageKind.CASE, subject=text, channel="C1"))


def test_migrations_give_exactly_the_tables_of_the_model(store: Store) -> None:
    engine = sa.create_engine(store.url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
    engine.dispose()


def test_the_newest_revision_is_the_one_that_needs_no_upgrade(store: Store) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD
    assert store._revision() == HEAD
    with store.write() as session:
        session.execute(sa.text("update alembic_version set version_num = 'unknown'"))
    with pytest.raises(NewerTables, match="newer version of Handover"):
        store.upgrade()  # tables of another version are not taken for ours


def test_upgrading_twice_keeps_the_rows(store: Store) -> None:
    with store.write() as session:
        _post(session, "one")
    store.upgrade()
    with store.read() as session:
        assert session.get(OutboxMessage, "one") is not None


def test_an_exception_leaves_nothing_behind(store: Store) -> None:
    def fail(_session: Session) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        _write(store, "half", then=fail)
    with store.read() as session:
        assert session.get(OutboxMessage, "half") is None


def test_concurrent_read_modify_writes_lose_no_update(store: Store) -> None:
    with store.write() as session:
        _post(session, "counter")

    def add() -> None:
        for _ in range(20):
            with store.write() as session:
                row = session.get_one(OutboxMessage, "counter")
                row.wanted_version += 1
                session.add(row)

    threads = [threading.Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as session:
        assert session.get_one(OutboxMessage, "counter").wanted_version == 121


def test_readers_do_not_wait_for_a_writer(store: Store) -> None:
    with store.write() as session:
        _post(session, "uncommitted")
        session.flush()
        with store.read() as reader:
            assert reader.exec(select(OutboxMessage)).all() == []


def test_writers_take_turns_and_on_postgresql_a_name_is_a_turn_of_its_own(store: Store) -> None:
    def beside(name: str, holder: str, seconds: float = 0.25) -> bool:
        """Return whether a writer of `name` gets through while another holds `holder`, within so many seconds."""
        through = threading.Event()

        def other() -> None:
            with store.write(name) as session:
                session.exec(select(OutboxMessage.id)).all()
                through.set()

        with store.write(holder) as session:
            session.exec(select(OutboxMessage.id)).all()
            thread = threading.Thread(target=other)
            thread.start()
            at_once = through.wait(seconds)
        thread.join(60)
        assert through.is_set()
        return at_once

    assert not beside("", "")
    assert not beside("one", "one")
    assert not beside("", "one")
    assert not beside("one", "")
    assert beside("two", "one", 60 if store.postgres else 0.25) == store.postgres


def test_nothing_can_be_changed_while_only_reading(store: Store) -> None:
    def smuggle() -> None:
        with store.read() as session:
            _post(session, "smuggled")
            session.flush()

    with pytest.raises(StorageFailed, match=r"read.?only"):
        smuggle()


def test_replicas_that_start_at_once_make_the_tables_once(postgres: Postgres) -> None:
    url = postgres.database("fresh")
    start = "import sys; from workflows.storage.store import Store; Store(sys.argv[1]).upgrade()"
    processes = [subprocess.Popen([sys.executable, "-c", start, url]) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    store = Store(url, VAULT)
    _write(store, "one")
    store.close()


def test_a_server_that_is_gone_is_said_and_used_again_when_it_is_back(postgres: Postgres, template: str) -> None:
    store = Store(postgres.database("gone", template), VAULT)
    with store.write() as session:
        _post(session, "before")
    postgres.stop()
    try:
        with pytest.raises(StorageFailed, match="refused"):
            _write(store, "meanwhile")
        with pytest.raises(StorageFailed, match="refused"), store.read() as session:
            session.get(OutboxMessage, "before")
    finally:
        postgres.start()
    with store.write() as session:
        _post(session, "after")
        session.flush()
        assert sorted(session.exec(select(OutboxMessage.id))) == ["after", "before"]
    store.close()


def test_one_who_is_paused_in_the_middle_does_not_keep_the_others_out(
    postgres: Postgres, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIMITS, "idle_in_transaction_session_timeout", "1000ms")
    store = Store(postgres.database("paused", template), VAULT)

    def pause(session: Session) -> None:
        other = threading.Thread(target=_write, args=(store, "other"))
        other.start()
        other.join(60)
        assert not other.is_alive()
        session.exec(select(OutboxMessage.id)).all()

    with pytest.raises(StorageFailed, match="idle-in-transaction"):
        _write(store, "paused", then=pause)
    with store.read() as session:
        assert session.exec(select(OutboxMessage.id)).all() == ["other"]
    store.close()


def test_a_bot_that_is_cut_off_with_its_writers_in_the_queue_stops_no_other_for_long(
    postgres: Postgres, template: str
) -> None:
    url = postgres.database("cut_off", template)
    other = Store(url, VAULT)
    with StallingProxy(postgres.port) as proxy:
        cut = Store(url.replace(str(postgres.port), str(proxy.port)), VAULT)
        inside, writers = threading.Event(), list[threading.Thread]()

        def write(number: int) -> None:
            with suppress(StorageFailed), cut.write() as session:
                inside.set()
                threading.Event().wait(60)
                _post(session, f"cut {number}")

        for number in range(8):
            writers.append(threading.Thread(target=write, args=(number,), daemon=True))
            writers[-1].start()
            assert inside.wait(60)
        waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        end = time.monotonic() + 60
        while postgres.run(waiting, "cut_off")[0][0] != 7:
            assert time.monotonic() < end
        proxy.hold()
        began = time.monotonic()
        _write(other, "healthy")
        assert time.monotonic() - began < 10
    other.close()


def test_a_writer_waits_longer_than_its_sessions_do(
    postgres: Postgres, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIMITS, "lock_timeout", "100ms")
    store = Store(postgres.database("patient", template), VAULT)
    done = threading.Event()

    def second() -> None:
        _write(store, "second")
        done.set()

    def keep(session: Session) -> None:
        threading.Thread(target=second, daemon=True).start()
        for _ in range(10):
            assert not done.wait(0.1)
            session.exec(select(OutboxMessage.id)).all()

    _write(store, "first", then=keep)
    assert done.wait(60)
    store.close()


def test_a_full_disk_is_said_and_nothing_of_the_transaction_stays(tmp_path: Path, store: Store) -> None:
    with store.write() as session:
        _post(session, "before")
    with store.write() as session:
        session.connection().exec_driver_sql("PRAGMA max_page_count = 1")
        limit = session.connection().exec_driver_sql("PRAGMA page_count").scalar_one()
        session.connection().exec_driver_sql(f"PRAGMA max_page_count = {limit}")
    with pytest.raises(StorageFailed, match="full"):
        _write(store, *(f"big-{number}" for number in range(200)), text="x" * 5000)
    with store.write() as session:
        session.connection().exec_driver_sql("PRAGMA max_page_count = 1000000")
        _post(session, "after")
    with store.read() as session:
        assert sorted(session.exec(select(OutboxMessage.id))) == ["after", "before"]
