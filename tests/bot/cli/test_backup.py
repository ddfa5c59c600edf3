"""`handover backup` and `handover restore`: a copy that is proven, and every kind of copy that must not be trusted."""

import sqlite3
from pathlib import Path

import pytest

from bot.cli.output import EXIT_FAILURE
from tests.bot.commands import Wiring, configuration, document, handover
from tests.sandbox.postgres import Postgres
from tests.workflows.office import Office
from workflows.ports import SystemClock
from workflows.storage.backup import BackupFailed, check, make
from workflows.storage.store import Store
from workflows.storage.vault import Vault


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder with a configuration, whose rows hold an enrolment."""
    configuration(tmp_path)
    return tmp_path


def made(data: Path) -> Path:
    folder = data / "backup"
    result = handover(Wiring(), "backup", str(folder), "--config", str(data / "handover.toml"))
    assert result.exit_code == 0, result.output
    assert "handover restore --check" in result.output
    return folder


def checked(data: Path, folder: Path, *more: str, env: dict[str, str] | None = None) -> tuple[int, list[str]]:
    """Return the exit code of a check, and the faults that it names."""
    result = handover(
        Wiring(), "restore", str(folder), *more, "--json", "--config", str(data / "handover.toml"), env=env
    )
    return result.exit_code, document(result)["faults"]


def test_a_backup_is_proven_then_restored_into_an_empty_folder_and_never_over_rows(data: Path) -> None:
    folder = made(data)
    assert checked(data, folder, "--check") == (0, [])
    over = handover(Wiring(), "restore", str(folder), "--yes", "--config", str(data / "handover.toml"))
    assert over.exit_code == EXIT_FAILURE
    assert "is not empty" in over.output
    rows = sqlite3.connect(data / "data" / "handover.sqlite").execute("select count(*) from journal").fetchone()
    for file in (data / "data").glob("*.sqlite*"):
        file.unlink()
    assert checked(data, folder, "--yes") == (0, [])
    with sqlite3.connect(data / "data" / "handover.sqlite") as restored:
        assert restored.execute("select count(*) from journal").fetchone() == rows


def test_a_second_backup_does_not_replace_the_first(data: Path) -> None:
    folder = made(data)
    again = handover(Wiring(), "backup", str(folder), "--config", str(data / "handover.toml"))
    assert again.exit_code == EXIT_FAILURE
    assert "is not empty" in again.output


@pytest.mark.parametrize("change", ["cut", "byte", "missing"])
def test_a_file_that_changed_since_is_named(data: Path, change: str) -> None:
    folder = made(data)
    file = folder / "handover.sqlite"
    content = bytearray(file.read_bytes())
    if change == "missing":
        file.unlink()
    else:
        content[5000] ^= 1
        file.write_bytes(content[:4096] if change == "cut" else content)
    assert checked(data, folder, "--check") == (1, ["handover.sqlite is missing or changed"])


def test_a_folder_without_a_manifest_is_no_backup(data: Path, tmp_path: Path) -> None:
    result = handover(Wiring(), "restore", "--check", str(tmp_path), "--config", str(data / "handover.toml"))
    assert result.exit_code == EXIT_FAILURE
    assert "is no backup" in result.output


def _rows(folder: Path) -> Path:
    rows = folder / "rows"
    rows.mkdir()
    return rows


def test_a_backup_under_another_master_key_or_with_a_changed_journal_is_not_whole(tmp_path: Path) -> None:
    office = Office(_rows(tmp_path))
    case_id = office.offboarding.open(office.request())
    office.journal.sign()
    keys = (office.journal.public_key,)
    good = make(tmp_path / "rows", tmp_path / "one", SystemClock().now())
    assert good.files.keys() == {"handover.sqlite"}
    assert check(tmp_path / "one", office.vault, keys, (), scratch=tmp_path / "a").faults == ()
    [fault] = check(tmp_path / "one", Vault(b"x" * 32), keys, (), scratch=tmp_path / "b").faults
    assert case_id in fault
    office.store.close()
    with sqlite3.connect(tmp_path / "rows" / "handover.sqlite") as rows:
        rows.execute("update journal set actor = 'slack:U0EVE' where seq = 1")
    make(tmp_path / "rows", tmp_path / "two", SystemClock().now())
    assert check(tmp_path / "two", office.vault, keys, (), scratch=tmp_path / "c").faults


def test_a_head_kept_outside_that_the_backup_lacks_is_told(tmp_path: Path) -> None:
    office = Office(_rows(tmp_path))
    office.offboarding.open(office.request())
    make(tmp_path / "rows", tmp_path / "old", SystemClock().now())
    office.journal.sign()
    head = office.journal.newest_head()
    assert head is not None
    late = make(tmp_path / "rows", tmp_path / "new", SystemClock().now())
    keys = (office.journal.public_key,)
    assert late.made_at > head.signed_at.isoformat()
    assert check(tmp_path / "new", office.vault, keys, (head,), scratch=tmp_path / "a").outside == 1
    office.store.close()


def test_postgresql_is_copied_by_its_own_tools_and_read_in_an_empty_database(
    tmp_path: Path, postgres: Postgres
) -> None:
    rows = postgres.database("backup_rows")
    store = Store(rows)
    store.upgrade()
    store.close()
    office = Office(tmp_path, url=rows)
    office.offboarding.open(office.request())
    office.journal.sign()
    made_ = make(rows, tmp_path / "copy", SystemClock().now())
    assert made_.files.keys() == {"handover.dump"}
    keys = (office.journal.public_key,)
    with pytest.raises(BackupFailed, match="--into"):
        check(tmp_path / "copy", office.vault, keys, (), scratch=tmp_path / "a")
    found = check(
        tmp_path / "copy", office.vault, keys, (), scratch=tmp_path / "a", database=postgres.database("backup_check")
    )
    assert (found.faults, found.cases) == ((), 1)
    with pytest.raises(BackupFailed, match="already exists"):
        check(tmp_path / "copy", office.vault, keys, (), scratch=tmp_path / "a", database=rows)
    office.store.close()


def test_a_database_that_does_not_answer_makes_no_backup(tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="pg_dump"):
        make("postgresql+psycopg://handover:secret@127.0.0.1:9/rows", tmp_path / "copy", SystemClock().now())
