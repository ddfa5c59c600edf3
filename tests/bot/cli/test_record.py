"""`handover record`: the file, its mode, what is refused, and the list of calls, on a real SCIM service."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import bot.wiring
from bot.cli.app import make_app
from tests.bot.commands import ENV, configuration
from tests.sandbox.company.people import PEOPLE
from tests.sandbox.company.scim import Scim


@pytest.fixture
def service() -> Iterator[Scim]:
    with Scim(people=PEOPLE[:3]) as server:
        yield server


@pytest.fixture
def config(tmp_path: Path, service: Scim) -> Path:
    path = configuration(tmp_path)
    shop = 'kind = "shop"\nurl = "https://shop.example"\npassword = "env:SHOP"'
    scim = f'kind = "scim"\nurl = "{service.url}"\ntoken = "env:SCIM"\ninactive_means = "suspended"'
    path.write_text(path.read_text().replace(shop, scim))
    return path


def record(config: Path, service: Scim, *arguments: str) -> Result:
    env = {**ENV, "SCIM": service.token}
    return CliRunner().invoke(make_app(), ["record", *arguments, "--config", str(config)], obj=bot.wiring, env=env)


def test_a_recording_is_one_private_file_without_people(config: Path, service: Scim, tmp_path: Path) -> None:
    file = tmp_path / "app.jsonl"
    done = record(config, service, "shop", "--person", PEOPLE[0].email, "--out", str(file))
    assert done.exit_code == 0, done.output
    assert "calls are in" in done.stdout
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert not any(word in text for one in PEOPLE[:3] for word in (one.uid, one.name, one.email))
    assert {json.loads(line).get("call") for line in text.splitlines()} >= {"check", "find", "everyone", "observe"}
    assert service.writes() == 0
    again = record(config, service, "shop", "--out", str(file))
    assert again.exit_code == 2
    assert "exists already" in again.stderr
    assert file.read_text() == text


def test_a_dry_run_sends_nothing(config: Path, service: Scim) -> None:
    done = record(config, service, "shop", "--dry-run")
    assert done.exit_code == 0, done.output
    assert {"check", "find", "observe", "groups", "duties"} <= set(done.stdout.split("\n"))
    assert service.calls == []


def test_an_unknown_system_names_the_known_ones(config: Path, service: Scim) -> None:
    done = record(config, service, "crm")
    assert done.exit_code == 2
    assert "Known: shop" in done.stderr


def test_a_system_that_refuses_is_recorded_and_not_good(config: Path, service: Scim, tmp_path: Path) -> None:
    file = tmp_path / "app.jsonl"
    service.token = "another"
    done = record(config, service, "shop", "--out", str(file))
    assert done.exit_code == 1
    assert "BadCredential" in done.stdout
    assert '"status": 401' in file.read_text()


def test_a_folder_that_is_not_there_is_said(config: Path, service: Scim, tmp_path: Path) -> None:
    done = record(config, service, "shop", "--out", str(tmp_path / "nowhere" / "app.jsonl"))
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr
