"""`handover duties`: what was there at notice beside what is there now, and what is not known."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import Result

from bot.cli.duties import _rows, show
from connectors.contract import DutyId
from tests.bot import samples
from tests.bot.commands import Wiring, configuration, document, handover
from workflows.access.duty_views import DutyItem

ZONE = "Europe/Berlin"


def test_gone_is_told_from_not_known() -> None:
    one = samples.duty_comparison()
    assert [row[4:6] for row in _rows(one)] == [("there", "there")] * 2 + [("there", "not there")] * 3
    dark = replace(one, now=replace(one.now, unknown=("svc may not read queues",)))
    assert {row[5] for row in _rows(dark)} == {"there", "not known"}
    failed = replace(one, now=replace(one.now, duties=(), read_at=None, unknown=("401",)))
    assert {row[5] for row in _rows(failed)} == {"not known"}
    new = replace(one, at_notice=None)
    assert {row[4:6] for row in _rows(new)} == {("not known", "there")}


def test_each_reading_has_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    one = samples.duty_comparison()
    show((one,), ZONE)
    assert "System 0: read at notice 2026-11-23 10:00 CET, and now 2026-11-23 10:00 CET" in capsys.readouterr().out
    show((replace(one, at_notice=None),), ZONE)
    assert "System 0: read now 2026-11-23 10:00 CET" in capsys.readouterr().out
    show((replace(one, now=replace(one.now, read_at=None, unknown=("401",))),), ZONE)
    said = capsys.readouterr().out
    assert "read at notice 2026-11-23 10:00 CET, and not now" in said
    assert "What runs in their name is not fully known: 401" in said
    show((), ZONE)
    assert "No configured system" in capsys.readouterr().out


@pytest.fixture
def wired() -> Wiring:
    """Return services with Dana's case, and duties with every decision."""
    wiring = Wiring()
    wiring.offboarding.known = {"case-1": samples.case()}
    wiring.duty_decisions.known = samples.duty_items()
    return wiring


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return configuration(tmp_path)


def run(wired: Wiring, config: Path, *arguments: str) -> Result:
    return handover(wired, "duties", "case-1", *arguments, "--config", str(config))


def test_duties_are_given_kept_or_stopped(wired: Wiring, config: Path) -> None:
    result = run(wired, config, "--give", "0123", "--give", "4567", "--to", "bob@x.example")
    assert result.exit_code == 0, result.output
    assert run(wired, config, "--keep", "0123", "--reason", "shared").exit_code == 0
    assert run(wired, config, "--stop", "0123").exit_code == 0
    told = [("0123", "give", "bob@x.example"), ("4567", "give", "bob@x.example"), ("0123", "keep", "")]
    assert wired.duty_decisions.orders == [*told, ("0123", "stop", "")]


def test_all_of_a_kind_are_those_without_a_decision(wired: Wiring, config: Path) -> None:
    [waits] = wired.duty_decisions.known.undecided
    assert run(wired, config, "--stop", "all", "--all-kind", "runs").exit_code == 0
    assert wired.duty_decisions.orders == [(waits.id, "stop", "")]
    none = run(wired, config, "--stop", "all", "--all-kind", "named")
    assert none.exit_code == 2
    assert "No duty of this kind" in none.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        ("--give", "0123"),
        ("--to", "bob@x.example"),
        ("--give", "0123", "--to", "Bob"),
        ("--keep", "0123", "--stop", "4567"),
        ("--give", "0123", "--to", "bob@x.example", "--keep", "4567"),
        ("--all-kind", "routes"),
    ],
)
def test_half_a_decision_is_none(wired: Wiring, config: Path, wrong: tuple[str, ...]) -> None:
    assert run(wired, config, *wrong).exit_code == 2
    assert wired.duty_decisions.orders == []


def test_programs_get_lists_decisions_and_what_is_not_known(wired: Wiring, config: Path) -> None:
    told = document(run(wired, config, "--json"))
    assert [len(told[name]) for name in ("lists", "duties", "unknown")] == [1, 13, 1]
    assert told["duties"][1]["choice"] == "give"
    assert len([*csv.reader(io.StringIO(run(wired, config, "--csv").stdout))]) == 14


def test_a_table_is_searched_and_paged(wired: Wiring, capsys: pytest.CaptureFixture[str]) -> None:
    view = wired.duty_decisions.known
    show((samples.duty_comparison(),), ZONE, view, "to do: stop")
    said = capsys.readouterr().out
    assert said.count("to do: stop it") == 2
    assert "kept" not in said

    def made(number: int) -> DutyItem:
        one = view.items[1]
        return replace(one, id=f"c:s:{number:04}aaaa", duty=replace(one.duty, id=DutyId(f"{number}")))

    many = replace(view, items=tuple(made(number) for number in range(120)))
    show((), ZONE, many, page=3)
    said = capsys.readouterr().out
    assert "Duties 101 to 120 of 120" in said
    assert "0119aaaa" in said
    assert "0099aaaa" not in said
