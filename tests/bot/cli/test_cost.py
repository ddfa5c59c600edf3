"""Processor time of short commands, and the libraries that they must not load."""

import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.bot.commands import ENV, ROOT

HELP_SECONDS, STATUS_SECONDS = 0.4, 0.95
"""Budgets: of `handover --help` in all, and of `handover status` beyond a bare `import sqlmodel`.

`status` took 0.58 s before stages, duties and licences came, and 0.81 s with them: a third more modules and rows.
"""
LOOP_SECONDS = 0.68
"""Seconds of 10 million additions on the machine that the budgets are for. A slower machine gets more."""
TRIES = 5
HEAVY = frozenset(
    {"slack_bolt", "slack_sdk", "dbos", "sqlalchemy", "alembic", "pydantic", "rich", "holidays", "ldap", "flask"}
    | {"cryptography", "apscheduler", "httpx", "psycopg", "waitress"}
)
NOT_FOR_STATUS = frozenset({"slack_bolt", "dbos", "alembic", "holidays", "flask", "apscheduler", "psycopg", "waitress"})


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment with a configuration, empty data, and a place for compiled modules, as after an installation."""
    config = tmp_path / "handover.toml"
    config.write_text(
        f"""
[company]
name = "Northwind"
directory = "badge"
[storage]
path = "{tmp_path / "data"}"
master_key = "env:MASTER"
signing_key = "env:SIGNING"
[slack]
bot_token = "env:BOT"
app_token = "env:APP"
case_channel = "C0OFFBOARDING"
security_channel = "C0SECURITYALERTS"
audit_channel = "C0ACCESSAUDIT"
[roles.hr]
users = ["U0HR"]
[systems.badge]
kind = "manual"
title = "Office keys and badge"
instructions = "Take the badge."
assignee = "U0HR"
""",
        encoding="utf-8",
    )
    return {
        "PATH": os.environ["PATH"],
        "HANDOVER_CONFIG": str(config),
        "PYTHONPYCACHEPREFIX": str(tmp_path / "compiled"),
        **ENV,
    }


def run(environment: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=dict(environment),
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )


def seconds(environment: Mapping[str, str], commands: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Return the least processor time of each command. They take turns, so that all meet the same machine."""
    best = dict.fromkeys(commands, float("inf"))
    for number in range(TRIES + 1):
        for name, arguments in commands.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            run(environment, *arguments)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            if number:  # the first turn compiles
                best[name] = min(best[name], spent)
    return best


def test_short_commands_cost_little(environment: dict[str, str]) -> None:
    best = seconds(
        environment,
        {
            "loop": ("-c", "n = 0\nfor i in range(10_000_000): n += i"),
            "sqlmodel": ("-c", "import sqlmodel"),
            "help": ("-m", "bot", "--help"),
            "status": ("-m", "bot", "status"),
        },
    )
    slower = max(1.0, best["loop"] / LOOP_SECONDS)
    assert best["help"] < HELP_SECONDS * slower, best
    assert best["status"] - best["sqlmodel"] < STATUS_SECONDS * slower, best


def loaded(environment: Mapping[str, str], *arguments: str) -> set[str]:
    """Return the top-level modules that a command has loaded when it ends."""
    program = (
        "import sys\nfrom bot.__main__ import main\nsys.argv = ['handover', *sys.argv[1:]]\n"
        "try:\n    main()\nfinally:\n    print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    return set(run(environment, "-c", program, *arguments).stderr.split())


def test_help_and_version_load_no_heavy_library(environment: dict[str, str]) -> None:
    for arguments in (("--help",), ("--version",)):
        assert loaded(environment, *arguments) & HEAVY == set()


def test_status_loads_neither_engine_nor_migrations_nor_other_kinds(environment: dict[str, str]) -> None:
    assert "alembic" in loaded(environment, "status"), "the first command makes the tables"
    found = loaded(environment, "status")
    assert found & NOT_FOR_STATUS == set()
    assert found & {"ldap", "sqlmodel"} == {"sqlmodel"}, "a company without a directory loads no LDAP library"
