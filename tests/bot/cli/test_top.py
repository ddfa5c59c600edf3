"""`handover top`: one screen of the installation, once or live, without names, and without a write."""

import os
import pty
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.cli import top
from connectors.contract import Verdict
from tests.bot import samples
from tests.bot.commands import ENV, ROOT, Wiring, configuration, document, handover
from workflows.storage.rows.case import CaseState
from workflows.storage.store import StorageFailed

ALONE = """
import typer
from bot.cli.app import make_app
from tests.bot.commands import Wiring
typer.main.get_command(make_app()).main(["top"], obj=Wiring(), prog_name="handover")
"""
"""Program that runs the command with services in memory."""


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(configuration(tmp_path, more="[health]\nport = 9"))


@pytest.fixture
def wiring() -> Wiring:
    made = Wiring()
    made.offboarding.known["case-1"] = samples.case(CaseState.RUNNING, Verdict.LOCKED, Verdict.UNKNOWN)
    return made


def test_it_prints_once_in_a_pipe_and_names_nobody(wiring: Wiring, config: str) -> None:
    shown = handover(wiring, "top", "--config", config)
    assert shown.exit_code == 0, shown.output
    for words in ("1 open case", "case-1", "2.0 h ago", "2 findings wait: open again 2", "✗ cannot be read", "✗ 1"):
        assert words in shown.stdout
    assert samples.leaver().name not in shown.stdout
    assert samples.leaver().email not in shown.stdout
    assert "⚠ Running bot" in shown.stdout, "no bot answers here"
    assert "\x1b" not in shown.stdout
    assert wiring.modes == ["visit"]
    assert wiring.offboarding.done == []
    assert samples.leaver().name in handover(wiring, "top", "--names", "--once", "--config", config).stdout


def test_as_json_it_says_what_is_not_known(wiring: Wiring, config: str) -> None:
    wiring.figures.values = [one for one in wiring.figures.values if "audit" not in one.name]
    found = document(handover(wiring, "top", "--json", "--config", config))
    assert found["last_audit_at"] is None
    assert found["queues"] == [{"task": "revoke", "due": 3, "overdue": 1}, {"task": "book", "due": 0, "overdue": 0}]
    assert [(one["name"], one["unreadable"], bool(one["read_at"])) for one in found["systems"]] == [
        ("crm", True, False),
        ("directory", False, True),
    ]
    assert (found["messages_waiting"], found["messages_failing"], found["findings"]) == (4, 1, {"open_again": 2})
    assert samples.leaver().name not in str(found)
    assert "no audit yet" in handover(wiring, "top", "--config", config).stdout


def test_a_system_that_no_audit_read_is_not_good(wiring: Wiring, config: str) -> None:
    wiring.figures.values = [one for one in wiring.figures.values if "read_timestamp" not in one.name]
    assert "never read whole" in handover(wiring, "top", "--config", config).stdout


def test_an_audit_that_is_overdue_is_not_good(wiring: Wiring, config: str) -> None:
    assert "\nLast audit" in handover(wiring, "top", "--config", config).stdout
    wiring.figures.values = [
        replace(one, value=one.value - 25 * 3600) if "last_audit" in one.name else one for one in wiring.figures.values
    ]
    assert "⚠ Last audit" in handover(wiring, "top", "--config", config).stdout


def test_a_database_that_does_not_answer_is_said_and_tried_again(
    wiring: Wiring, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        wiring.figures.broken = StorageFailed("server gone") if len(naps) == 1 else None
        if len(naps) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("bot.cli.top.time.sleep", nap)
    monkeypatch.setattr(top, "_live", lambda: True)
    shown = handover(wiring, "top", "--seconds", "2", "--config", config)
    assert (shown.exit_code, naps) == (0, [2.0, 2.0, 2.0])
    assert shown.stdout.count("1 open case") == 2
    assert shown.stdout.count("server gone") == 1
    assert "Aborted" not in shown.output


def test_ctrl_c_at_a_terminal_ends_it_cleanly(tmp_path: Path) -> None:
    config = str(configuration(tmp_path))
    ours, theirs = pty.openpty()
    env = {**ENV, "PATH": os.environ["PATH"], "COLUMNS": "80", "TERM": "xterm", "HANDOVER_CONFIG": config}
    with subprocess.Popen([sys.executable, "-c", ALONE], cwd=ROOT, stdout=theirs, stderr=theirs, env=env) as running:
        os.close(theirs)
        shown = b""
        while b"revoke" not in shown:  # the last line of the first screen; an end of the process raises
            shown += os.read(ours, 65536)
        running.send_signal(signal.SIGINT)
        while True:
            try:
                shown += os.read(ours, 65536)
            except OSError:
                break
    os.close(ours)
    assert running.returncode == 0, shown.decode()
    assert top.CLEAR.encode() in shown
    assert b"Aborted" not in shown
    assert b"Traceback" not in shown
