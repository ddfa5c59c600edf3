"""Heads of the journal: rows that were rewritten do not fit the heads that were kept outside."""

import dataclasses
import socket
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.sandbox.postgres import Postgres
from workflows.storage import heads
from workflows.storage.heads import Head, HeadFile, SyslogOutlet
from workflows.storage.journal import HANDOVER, Journal
from workflows.storage.marks import Marks
from workflows.storage.store import Store
from workflows.storage.verification import Verification, foreign_objects, verify

SEED = b"s" * 32
START = datetime(2026, 11, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)


class _Clock:
    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at


class House:
    """A journal of four days, three entries and one head a day, with a file of heads."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.clock = store, _Clock()
        self.file = HeadFile(folder / "heads.txt")
        self.journal = Journal(store, self.clock, SEED, Marks(b"m" * 32), [self.file])
        for day in range(4):
            self.clock.at = START + day * DAY
            for number in range(3):
                self.journal.note(f"day.{day}.{number}", HANDOVER, {"number": number})
            assert self.journal.sign() == []
        self.outside = list(self.file.kept())

    def forge(self, *statements: str) -> None:
        """Change the rows as somebody with the database's password could."""
        with self.store.write() as session:
            for statement in statements:
                session.execute(sa.text(statement))

    def rewrite(self) -> None:
        """Write the whole chain anew, as somebody could who reads this program."""
        self.forge(
            "update journal set actor = 'cli:nobody' where seq = 5",
            "update journal set seq = null, hash = '', prev = ''",
            "delete from journal_head",
        )
        Journal(self.store, self.clock, SEED, Marks(b"m" * 32)).seal()

    def verify(self, outside: Sequence[Head] = (), after: timedelta = timedelta(hours=1)) -> Verification:
        return verify(self.store, [self.journal.public_key], outside, judged_at=self.clock.at + after)


@pytest.fixture
def house(store: Store, tmp_path: Path) -> House:
    return House(store, tmp_path)


def test_an_honest_journal_fits_its_heads(house: House) -> None:
    found = house.verify(house.outside)
    assert (found.ok, found.outside, found.proven) == (True, 4, 12), found.faults
    assert [head.number for head in house.outside] == [1, 2, 3, 4]
    assert house.verify().ok


def test_a_rewritten_journal_without_heads_is_not_whole(house: House) -> None:
    house.rewrite()
    assert any("no head covers" in fault for fault in house.verify().faults)
    assert any("is not the one that was signed" in fault for fault in house.verify(house.outside[1:2]).faults)


def test_a_rewritten_journal_gets_no_new_head(house: House) -> None:
    house.rewrite()
    assert any("kept outside, is not in the database" in problem for problem in house.journal.sign())
    assert house.journal.newest_head() is None


def test_entries_changed_since_the_newest_head_get_no_head(house: House) -> None:
    house.journal.note("late", HANDOVER, {})
    house.journal.seal()
    house.forge("update journal set actor = 'cli:nobody' where seq = 13")
    assert any("entry 13 was changed" in problem for problem in house.journal.sign())


def test_a_cut_tail_is_seen_by_the_heads_outside(house: House) -> None:
    house.forge("delete from journal where seq > 9", "delete from journal_head where seq > 9")
    assert any("cut short" in fault for fault in house.verify(house.outside).faults)


def test_a_cut_tail_is_seen_once_an_audit_was_due(house: House) -> None:
    house.journal.note("never covered", HANDOVER, {})
    house.journal.seal()
    house.forge("delete from journal_head where seq > 9")
    assert any("no head covers" in fault for fault in house.verify(after=2 * DAY).faults)


def test_an_emptied_journal_is_not_whole(house: House) -> None:
    house.forge("delete from journal", "delete from journal_head")
    assert any("cut short" in fault for fault in house.verify(house.outside[-1:]).faults)


def test_a_head_that_is_left_out_breaks_the_row_of_heads(house: House) -> None:
    house.forge("delete from journal_head where seq = 6")
    assert any("does not follow the head before" in fault for fault in house.verify().faults)


def test_a_new_empty_journal_has_nothing_to_verify(store: Store) -> None:
    found = verify(store, ["A" * 43 + "="], judged_at=START)
    assert (found.ok, found.entries, found.signed_at) == (True, 0, None)


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (("alter table journal rename to kept", "create view journal as select * from kept"), "journal is not this"),
        (("alter table journal add column more integer",), "journal is not this program's"),
        (("drop table journal_head",), "journal_head is not this program's"),
        (("update alembic_version set version_num = '0001'",), "of revision 0001"),
        (("create view case_view as select id from case_",), "has a view case_view"),
    ],
)
def test_replaced_tables_are_named(house: House, statements: tuple[str, ...], said: str) -> None:
    house.forge(*statements)
    assert any(said in fault for fault in house.verify(house.outside).faults), house.verify().faults


def test_a_trigger_is_named(house: House) -> None:
    if house.store.postgres:
        house.forge(
            "create function f() returns trigger language plpgsql as 'begin return null; end'",
            "create trigger t before insert on journal for each row execute function f()",
        )
    else:
        house.forge("create trigger t after insert on journal begin delete from journal where seq is null; end")
    assert any("has a trigger t" in fault for fault in house.verify().faults)


def test_a_trigger_on_the_work_of_the_engine_is_named(postgres: Postgres) -> None:
    url = postgres.database("engine_trigger")
    postgres.run(
        "create schema dbos; create table dbos.workflow_status (status text); "
        "create function f() returns trigger language plpgsql as 'begin return null; end'; "
        "create trigger t before insert on dbos.workflow_status for each row execute function f()",
        "engine_trigger",
    )
    with closing(Store(url)) as store, store.read() as session:
        assert list(foreign_objects(session)) == ["trigger t"]


def test_a_made_up_head_is_not_believed(house: House) -> None:
    lie = dataclasses.replace(house.outside[2], hash="f" * 64)
    assert any("not by this key" in fault for fault in house.verify([lie]).faults)


def test_a_head_of_another_time_is_not_this_databases(house: House) -> None:
    """A head by our own key over the same entry, that this database never kept."""
    twin = heads.sign(house.journal._signer, None, 1, 3, house.outside[0].hash, START + DAY)
    assert any("is not in this database" in fault for fault in house.verify([twin]).faults)


def test_heads_are_found_in_any_text(house: House) -> None:
    text = "\n".join(f"Nov  1 06:00:00 host handover: `{head.text}`, said the bot" for head in house.outside)
    assert heads.read(text) == house.outside
    assert heads.read("handover-head 1 2 3") == []


def test_a_settled_case_signs_a_head(house: House) -> None:
    house.journal.note("case.watched", HANDOVER, {})
    house.journal.seal()
    assert [head.seq for head in house.file.kept()][-1] == 13


def test_heads_that_could_not_be_kept_are_kept_later(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "later"
    journal = Journal(store, _Clock(), SEED, Marks(b"m" * 32), [HeadFile(folder / "heads.txt")])
    journal.note("one", HANDOVER, {})
    assert any("cannot be published" in problem for problem in journal.sign())
    folder.mkdir()
    journal.note("two", HANDOVER, {})
    assert journal.sign() == []
    assert [head.number for head in HeadFile(folder / "heads.txt").kept()] == [1, 2]
    assert (folder / "heads.txt").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("local", [True, False])
def test_a_syslog_gets_each_head(store: Store, tmp_path: Path, local: bool) -> None:
    family, address = (socket.AF_UNIX, str(tmp_path / "log")) if local else (socket.AF_INET, ("127.0.0.1", 0))
    with socket.socket(family, socket.SOCK_DGRAM) as server:
        server.bind(address)
        server.settimeout(60)
        name = str(address) if local else f"127.0.0.1:{server.getsockname()[1]}"
        journal = Journal(store, _Clock(), SEED, Marks(b"m" * 32), [SyslogOutlet(name)])
        journal.note("one", HANDOVER, {})
        assert journal.sign() == []
        assert heads.read(server.recv(4096).decode())[0].seq == 1
