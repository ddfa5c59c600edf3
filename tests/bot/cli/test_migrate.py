"""`handover migrate`: the upgrade from 0.2.0 shown, refused without a way back, and done."""

from pathlib import Path

import pytest

from tests.bot.commands import Wiring, configuration, document, handover
from tests.workflows.storage.test_upgrade import contents, fill
from workflows.engine.replicas import process_lock
from workflows.storage.store import HEAD, sqlite_url


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Return a configuration whose rows are those of version 0.2.0."""
    path = configuration(tmp_path)
    for file in (tmp_path / "data").glob("*.sqlite*"):
        file.unlink()
    fill(sqlite_url(tmp_path / "data"))
    return str(path)


def backed_up(folder: Path, config: str) -> str:
    assert handover(Wiring(), "backup", str(folder / "copy"), "--config", config).exit_code == 0
    return str(folder / "copy")


def test_a_dry_run_shows_what_would_change_and_writes_nothing(config: str, tmp_path: Path) -> None:
    before = contents(sqlite_url(tmp_path / "data"))
    shown = handover(Wiring(), "migrate", "--dry-run", "--config", config)
    assert shown.exit_code == 1, "no backup is named"
    for words in ("version 0.2.0 (0001)", f"({HEAD})", "new columns: number, prev", "every row is written anew"):
        assert words in shown.stdout
    for words in ("new table", "Space needed", "No backup is named", "Nothing was changed"):
        assert words in shown.stdout
    assert contents(sqlite_url(tmp_path / "data")) == before
    folder = backed_up(tmp_path, config)
    ready = handover(Wiring(), "migrate", "--dry-run", "--backup", folder, "--json", "--config", config)
    assert ready.exit_code == 0, ready.output
    found = document(ready)
    assert (found["plan"]["found"], found["backup"]["faults"], found["missing"], found["done"]) == (
        "0001",
        [],
        [],
        False,
    )
    assert {"table": "journal_head", "rows": 1, "new": False, "columns": ["number", "prev"]}.items() <= next(
        one for one in found["plan"]["changes"] if one["table"] == "journal_head"
    ).items()
    assert contents(sqlite_url(tmp_path / "data")) == before


def test_an_upgrade_needs_a_whole_backup_and_a_yes(config: str, tmp_path: Path) -> None:
    assert handover(Wiring(), "migrate", "--yes", "--config", config).exit_code == 1
    folder = backed_up(tmp_path, config)
    assert handover(Wiring(), "migrate", "--backup", folder, "--config", config, typed="n\n").exit_code == 1
    with (tmp_path / "copy" / "handover.sqlite").open("ab") as file:
        file.write(b"x")
    broken = handover(Wiring(), "migrate", "--backup", folder, "--yes", "--config", config)
    assert broken.exit_code == 1
    assert "handover.sqlite is missing or changed" in broken.stdout
    assert "enrolment" not in contents(sqlite_url(tmp_path / "data"))


def test_beside_a_running_bot_nothing_is_upgraded(config: str, tmp_path: Path) -> None:
    with process_lock(tmp_path / "data"):
        refused = handover(Wiring(), "migrate", "--no-backup", "--yes", "--config", config)
    assert refused.exit_code == 2
    assert "Stop the bot" in refused.stderr
    assert "enrolment" not in contents(sqlite_url(tmp_path / "data"))


def test_the_upgrade_is_done_once(config: str, tmp_path: Path) -> None:
    folder = backed_up(tmp_path, config)
    done = handover(Wiring(), "migrate", "--backup", folder, "--yes", "--config", config)
    assert done.exit_code == 0, done.output
    assert "The stored data is upgraded." in done.stdout
    assert "enrolment" in contents(sqlite_url(tmp_path / "data"))
    again = handover(Wiring(), "migrate", "--dry-run", "--config", config)
    assert (again.exit_code, "nothing to do" in again.stdout) == (0, True)
    late = handover(Wiring(), "migrate", "--backup", folder, "--json", "--config", config)
    assert document(late)["backup"]["faults"] == ["the backup has tables 0001, the stored data has " + HEAD]


def test_without_data_there_is_nothing_to_upgrade(config: str, tmp_path: Path) -> None:
    (tmp_path / "data" / "handover.sqlite").unlink()
    shown = handover(Wiring(), "migrate", "--dry-run", "--config", config)
    assert (shown.exit_code, "There is no data yet" in shown.stdout) == (0, True)
    assert not (tmp_path / "data" / "handover.sqlite").exists()
