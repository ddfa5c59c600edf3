"""A damaged or missing engine file is named, set aside and made anew, and every due row is done."""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflows.engine.test_durable import Desk
from workflows.engine import engine_file
from workflows.engine.health import SILENT_SECONDS, Health
from workflows.storage.store import sqlite_url


def garbage(path: Path) -> None:
    path.write_bytes(b"not a database, " * 4096)


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[8192:-1] = b"\xff" * len(data[8192:-1])
    path.write_bytes(data)


def tables(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("drop table workflow_status")
    connection.close()


def emptied(path: Path) -> None:
    path.write_bytes(b"")


DAMAGES: dict[str, Callable[[Path], None]] = {
    "garbage": garbage,
    "cut in half": half,
    "a hole in the middle": middle,
    "a table is gone": tables,
    "empty": emptied,
    "missing": Path.unlink,
}


def used(folder: Path) -> Path:
    """Return the file of an engine that has done work, and left a row due."""
    desk = Desk(sqlite_url(folder))
    desk.engine.launch()
    desk.wish("before")
    desk.engine.start("audit", "before", 0)
    desk.tick_until_done("before")
    desk.wish("due")
    desk.engine.close(0)
    desk.store.close()
    file = folder / "engine.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return file


@pytest.mark.parametrize("what", DAMAGES)
def test_a_lost_engine_file_is_made_anew_from_the_rows(
    tmp_path: Path, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = used(tmp_path)
    DAMAGES[what](file)
    gone = what in ("empty", "missing")
    assert what == "empty" or engine_file.fault(file)
    desk = Desk(sqlite_url(tmp_path))
    with caplog.at_level(logging.ERROR):
        desk.engine.launch(expected=True)
    assert [str(file) in one.getMessage() for one in caplog.records if one.name.endswith("engine_file")] == [True]
    desk.tick_until_done("due")
    assert desk.ran == {"due": 1}
    assert bool(list(tmp_path.glob("engine.sqlite.damaged-*"))) != gone
    assert engine_file.fault(file) == ""
    desk.engine.close(0)
    desk.store.close()


def test_a_good_file_and_a_first_start_are_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = used(tmp_path)
    assert engine_file.fault(file) == "" == engine_file.damage(file)
    desk = Desk(sqlite_url(tmp_path))
    desk.engine.launch(expected=True)
    desk.engine.close(0)
    desk.store.close()
    assert list(tmp_path.glob("engine.sqlite.damaged-*")) == []
    assert [one for one in caplog.records if one.name.endswith("engine_file")] == []


def test_a_file_that_somebody_else_holds_is_not_damaged(tmp_path: Path) -> None:
    file = used(tmp_path)
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    assert engine_file.damage(file) == ""
    holder.close()


def test_health_is_the_truth_about_the_last_look(caplog: pytest.LogCaptureFixture) -> None:
    now, sources = [0.0], [""]
    health = Health(lambda: list(sources), lambda: now[0])
    assert health.faults() == ()
    now[0] += SILENT_SECONDS + 1
    assert ["last looked for 21 s ago" in one for one in health.faults()] == [True]
    assert health.watched(lambda: 5.0)() == 5.0
    assert health.faults() == ()

    def fail() -> float:
        raise OSError("the server is gone")

    with pytest.raises(OSError, match="gone"):
        health.watched(fail)()
    sources[:] = ["the clock is wrong"]
    assert health.faults() == ("the clock is wrong", "due work cannot be read: the server is gone")
