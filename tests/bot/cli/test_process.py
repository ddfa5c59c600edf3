"""The command as people run it: a process of its own, with the real wiring."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.cli.output import EXIT_NEWER
from tests.bot.commands import ENV, ROOT, process
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace
from workflows.storage.store import Store, sqlite_url

COMMANDS = (
    *("init", "run", "doctor", "plan", "offboard", "decide"),
    *("status", "audit", "verify", "connectors", "manifest"),
)


@pytest.fixture
def workspace() -> Iterator[SlackServer]:
    with SlackServer(Workspace()) as server:
        yield server


def environment(workspace: SlackServer) -> dict[str, str]:
    app = workspace.workspace.app
    return {**ENV, "BOT": app.bot_token, "APP": app.app_token, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def config(tmp_path: Path, workspace: SlackServer) -> Path:
    """A directory at an address where nobody answers: a bad day, and no reason not to start."""
    path = tmp_path / "handover.toml"
    path.write_text(
        f"""
[company]
name = "Northwind"
directory = "directory"
[storage]
path = "{tmp_path / "data"}"
master_key = "env:MASTER"
signing_key = "env:SIGNING"
[slack]
bot_token = "env:BOT"
app_token = "env:APP"
api_url = "{workspace.api_url}"
port = 0
case_channel = "C0OFFBOARDING"
security_channel = "C0SECURITYALERTS"
audit_channel = "C0ACCESSAUDIT"
[roles.hr]
users = ["U0HR"]
[systems.directory]
kind = "ldap"
urls = ["ldap://127.0.0.1:9"]
bind_dn = "cn=handover"
password = "env:SHOP"
base_dn = "dc=example"
""",
        encoding="utf-8",
    )
    return path


def test_help_names_every_command_and_the_exit_codes() -> None:
    found = process("--help")
    assert found.returncode == 0
    for command in COMMANDS:
        assert f"\n  {command} " in found.stdout
    assert "2 wrong use or configuration" in " ".join(found.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("party",), "No such command"),
        (("offboard",), "EMAIL"),
        (("offboard", "a@b.example", "--reason", "boredom"), "resignation"),
        (("status", "--config", "/nonexistent/handover.toml"), "handover init"),
    ],
)
def test_wrong_use_ends_with_2_and_a_sentence(arguments: tuple[str, ...], words: str) -> None:
    found = process(*arguments)
    assert found.returncode == 2
    assert words in found.stderr
    assert "Traceback" not in found.stderr


def test_a_terminal_without_unicode_is_no_reason_to_fail() -> None:
    found = process("connectors", env={"PYTHONIOENCODING": "ascii"})
    assert found.returncode == 0
    assert "ldap" in found.stdout


def test_what_is_printed_is_for_pipes_too() -> None:
    assert {one["kind"] for one in json.loads(process("connectors", "--json").stdout)} >= {"ldap", "tryton"}
    assert (
        json.loads(process("manifest", "--mode", "http", "--url", "https://x.example/slack", "--json").stdout)[
            "features"
        ]["slash_commands"][0]["url"]
        == "https://x.example/slack"
    )
    assert process("manifest").stdout == (ROOT / "config" / "slack-manifest.yaml").read_text(encoding="utf-8")


def test_doctor_on_a_bad_day_names_the_fault_and_goes_on(config: Path, workspace: SlackServer) -> None:
    (config.parent / "data").mkdir(mode=0o700)
    found = process("doctor", "--json", "--config", str(config), env=environment(workspace))
    assert found.returncode == 1, found.stderr
    checks = {check["what"]: check for check in json.loads(found.stdout)["checks"]}
    assert [name for name, check in checks.items() if not check["ok"]] == ["Actors", "roles.hr", "systems.directory"]
    assert checks["systems.directory"]["todo"]


def test_whatever_hangs_sigterm_ends_it_in_time() -> None:
    """Also one that comes while the main thread holds the event's own lock, on its way into waiting."""
    hanging = """
import os, signal, sys, threading
from bot.cli import run
run.END_SECONDS = 0.1
stop = run._told_to_stop()
with stop._cond:
    os.kill(os.getpid(), signal.SIGTERM)
    while "set" not in {frame.f_back and frame.f_back.f_code.co_name for frame in sys._current_frames().values()}:
        pass
stop.wait()
threading.Event().wait()
"""
    ended = subprocess.run(
        [sys.executable, "-c", hanging], cwd=ROOT, check=False, capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, "goes on at the next start" in ended.stderr) == (1, True)


def test_the_bot_runs_a_second_one_is_told_others_work_beside_it_and_sigterm_ends_it(
    config: Path, workspace: SlackServer
) -> None:
    env = environment(workspace)
    bot = subprocess.Popen(
        [sys.executable, "-m", "bot", "run", "--config", str(config)],
        cwd=ROOT,
        text=True,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], **env},
    )
    try:
        said = until(bot, "Handover is running")
        assert "Handover is running" in said
        second = process("run", "--config", str(config), env=env)
        assert second.returncode == 2
        assert f"process {bot.pid}" in second.stderr
        assert process("status", "--config", str(config), env=env).returncode == 0
        assert process("verify", "--config", str(config), env=env).returncode == 0
        bot.send_signal(signal.SIGTERM)
        _, rest = bot.communicate(timeout=90)
        assert bot.returncode == 0, rest
        assert "Stopped" in rest
        assert "Traceback" not in said + rest
        assert "apscheduler" not in said + rest, "fifteen lines a second that nobody reads"
    finally:
        bot.kill()
        bot.wait()


def until(bot: "subprocess.Popen[str]", words: str, seconds: float = 90) -> str:
    """Read what a process says until the words come."""
    assert bot.stderr is not None
    said, end = "", time.monotonic() + seconds
    while words not in said and time.monotonic() < end and (line := bot.stderr.readline()):
        said += line
    return said


def test_an_older_version_before_newer_data_says_so_and_is_not_to_be_started_again(
    config: Path, workspace: SlackServer, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir(exist_ok=True, mode=0o700)
    store = Store(sqlite_url(tmp_path / "data"))
    store.upgrade()
    with store.write() as session:
        session.execute(sa.text("update alembic_version set version_num = '9999'"))
    store.close()
    done = subprocess.run(
        [sys.executable, "-m", "bot", "run", "--config", str(config)],
        env={**os.environ, **environment(workspace)},
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == EXIT_NEWER
    assert "newer version of Handover" in done.stderr
    assert "Traceback" not in done.stderr
    unit = (ROOT / "config" / "deploy" / "handover.service").read_text(encoding="utf-8")
    assert f"RestartPreventExitStatus={EXIT_NEWER}\n" in unit
