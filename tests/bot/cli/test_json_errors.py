"""Errors under `--json`: one line of JSON on standard error, nothing on standard output, the same exit codes."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import Result

from bot.cli.app import COMMANDS, make_app
from connectors.contract import Verdict
from connectors.errors import Unavailable
from tests.bot import samples
from tests.bot.commands import Wiring, configuration, handover
from workflows.refusals import Code, Refused
from workflows.storage.rows.case import CaseState
from workflows.storage.store import NewerTables, StorageFailed

UNCONFIGURED = frozenset({"manifest", "connectors", "language"})
PLAIN = {
    "manifest": "",
    "connectors": "",
    "language": "",
    "doctor": "--accept-clock",
    "backup": "copy",
    "restore": "copy --yes",
    "migrate": "--dry-run",
    "verify": "",
}
"""Commands that open no services, or only at times, with arguments."""
OPENING = {
    "plan": "dana@example.com",
    "duties": "case-1 --stop 0123",
    "offboard": "dana@example.com --yes",
    "proposal": "case-1",
    "decide": "case-1 --approve --yes",
    "waiting": "",
    "delegate": "U0MAX --to U0TESS --from 2027-01-01 --until 2027-01-02",
    "moves": "case-1 --pause",
    "putback": "case-1 --yes",
    "notes": "case-1",
    "introductions": "case-1 --send --yes",
    "clients": "case-1 --mark party:0 contacted",
    "returning": "case-1 --on 'end-of-day 2027-02-01'",
    "confirm": "case-1 badge --note done",
    "status": "case-1",
    "undo": "case-1 --yes --reason returns",
    "week": "",
    "top": "",
    "link": "case-1 crm --login d.oneill",
    "audit": "",
    "findings": "--accept F-1 --until 2027-02-01 --reason known",
    "enrol": "ada",
    "orphaned": "--hand-over --to bob@example.com --approver max@example.com --yes",
    "stages": "case-1 --run day_30",
}
"""Commands that open the services, with arguments that read a case or act on one."""
CASES = frozenset(
    {
        "duties",
        "introductions",
        "proposal",
        "decide",
        "moves",
        "putback",
        "notes",
        "clients",
        "returning",
        "confirm",
        "status",
        "undo",
        "link",
        "stages",
    }
)
ACTING = frozenset({"offboard", "delegate", "putback", "introductions", "returning", "undo", "link", "findings"}) | {
    "orphaned",
    "duties",
}


def with_json() -> set[str]:
    """Return the commands that offer `--json`."""
    group: Any = typer.main.get_command(make_app())
    return {name for name, one in group.commands.items() if any("--json" in param.opts for param in one.load().params)}


def run(wiring: Wiring, name: str, config: Path, env: dict[str, str] | None = None) -> Result:
    words = shlex.split({**PLAIN, **OPENING}[name])
    where = [] if name in UNCONFIGURED else ["--config", str(config)]
    return handover(wiring, name, *words, "--json", *where, env=env)


def error(result: Result, code: int) -> dict[str, str]:
    """Return the error, which is all that the command printed."""
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    [line] = result.stderr.splitlines()
    found: dict[str, dict[str, str]] = json.loads(line)
    assert found.keys() == {"error"}
    assert found["error"].keys() == {"code", "message", "next"}
    assert found["error"]["message"]
    assert found["error"]["code"].replace("_", "").isalpha()
    return found["error"]


def test_every_command_with_json_is_tried_here() -> None:
    assert with_json() == PLAIN.keys() | OPENING.keys()
    assert set(COMMANDS) > with_json()


@pytest.mark.parametrize("name", sorted({*PLAIN, *OPENING} - UNCONFIGURED))
def test_a_wrong_configuration(name: str, tmp_path: Path) -> None:
    config = configuration(tmp_path, more="[policy]\naudit_at = 'noon'")
    found = error(run(Wiring(), name, config), 2)
    assert found["code"] == "configuration"
    assert "audit_at" in found["message"]
    assert found["next"]


@pytest.mark.parametrize("name", sorted(CASES))
def test_an_unknown_case(name: str, tmp_path: Path) -> None:
    found = error(run(Wiring(), name, configuration(tmp_path)), 2)
    assert (found["code"], found["next"]) == ("unknown_case", "`handover status --all` lists every case.")


@pytest.mark.parametrize("name", sorted(OPENING))
@pytest.mark.parametrize(
    ("fault", "code", "end"),
    [
        (Refused(Code.NOT_OPEN), "not_open", 2),
        (StorageFailed("disk is full"), "storage", 1),
        (NewerTables("newer"), "newer_tables", 78),
        (Unavailable("the directory did not answer"), "system", 1),
        (ZeroDivisionError("zero"), "fault", 1),
        (SystemExit(0), "fault", 1),
    ],
)
def test_a_refusal_and_a_fault(name: str, fault: BaseException, code: str, end: int, tmp_path: Path) -> None:
    assert error(run(Wiring(broken=fault), name, configuration(tmp_path)), end)["code"] == code


@pytest.mark.parametrize("name", sorted(ACTING))
def test_an_act_of_somebody_unknown(name: str, tmp_path: Path) -> None:
    wiring = Wiring()
    wiring.offboarding.known["case-1"] = samples.case(CaseState.WATCHED, Verdict.LOCKED)
    result = run(wiring, name, configuration(tmp_path), {"HANDOVER_AS": "nobody"})
    assert "nobody" in error(result, 2)["message"]
    assert wiring.offboarding.done == []


@pytest.mark.parametrize("name", sorted({*PLAIN, *OPENING}))
def test_wrong_use(name: str) -> None:
    found = error(handover(Wiring(), name, "--colour", "--json"), 2)
    assert (found["code"], found["next"]) == ("usage", f"See `handover {name} --help`.")
    assert "--colour" in found["message"]


def test_for_people_an_error_stays_a_sentence(tmp_path: Path) -> None:
    result = handover(Wiring(), "status", "case-9", "--config", str(configuration(tmp_path)))
    assert result.stderr.startswith("handover: There is no case for 'case-9'.\n")
    assert "Usage:" in handover(Wiring(), "status", "--colour").stderr
