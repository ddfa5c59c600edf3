"""Tables: 80 columns without a broken word at a terminal, one plain line a row in a pipe."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.cli import output
from bot.cli.tables import cells, fitted, one_line
from connectors.contract import Verdict
from tests.bot import samples
from tests.bot.cli.test_decide import Desk
from tests.bot.commands import ROOT, Wiring, configuration, handover
from workflows.storage.rows.case import CaseState

ID = "HO-260302-a1b2c3"
COLUMNS = ("Case", "Leaver", "State", "To do")
ROWS = (
    (
        ID,
        "Dana O'Neill\ndana.oneill@northwind.example",
        "✗ NOT locked out everywhere",
        "`handover status HO-260302-a1b2c3`",
    ),
    ("HO-260302-a1b2c4", "王小明", "✓ locked", "nothing"),
)
TABLES = (
    "status",
    "status case-1 --why",
    "plan dana@example.com",
    "proposal case-1",
    "decide case-1",
    "link case-1 crm",
    "undo case-1 --yes --reason returns",
    "week",
    "audit",
    "findings",
    "top",
    "delegate",
    "enrol",
    "connectors",
    "doctor",
    "waiting",
)
"""Every command that prints a table."""


def test_columns_that_fit_are_aligned_and_wrapped_between_words() -> None:
    shown = list(fitted(COLUMNS, ROWS, 120))
    assert all(cells(line) <= 120 for line in shown)
    assert any(ID in line and "`handover status HO-260302-a1b2c3`" in line for line in shown)
    assert shown[1].replace("─", "").strip() == ""
    [first, second] = [next(line for line in shown if word in line) for word in ("✗", "✓")]
    assert cells(first[: first.index("✗")]) == cells(second[: second.index("✓")]), "wide characters take two columns"


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100])
def test_columns_that_do_not_fit_are_a_block_a_row_with_whole_words(width: int) -> None:
    shown = list(fitted(COLUMNS, ROWS, width))
    words = " ".join(shown).split()
    for word in (ID, "dana.oneill@northwind.example", "everywhere", "nothing", "✗", "locked"):
        assert word in words
    assert any("`handover status HO-260302-a1b2c3`" in line for line in shown)
    long = [line for line in shown if cells(line) > width]
    assert all(len(re.sub(r"`[^`]*`", "x", line).split()) == 1 for line in long), "a line of one word alone is longer"


def test_one_row_that_does_not_fit_leaves_the_others_aligned() -> None:
    rows = [("a", "good"), ("b", "x" * 90), ("c", "good"), ("d", "good")]
    shown = list(fitted(("Name", "Said"), rows, 40))
    assert shown[2:] == ["a     good", "", "Name: b", "Said:", f"    {'x' * 90}", "", "c     good", "d     good"]


def test_a_long_chinese_sentence_is_wrapped() -> None:
    shown = list(fitted(("甲", "Case"), [("此帳號尚未在所有系統中鎖定" * 5, ID)], 40))
    assert all(cells(line) <= 40 for line in shown)
    assert any(ID in line for line in shown)


def test_in_a_pipe_each_row_is_one_line_without_an_end_of_blanks() -> None:
    shown = list(one_line(COLUMNS, ROWS))
    assert len(shown) == 1 + len(ROWS)
    assert "Dana O'Neill; dana.oneill@northwind.example" in shown[1]
    assert all(line == line.rstrip() for line in shown)


def test_marks_have_colours_and_nothing_else_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert [output.paint(cell, "x")[:5] for cell in ("✓ a", "⚠ b", "✗ c", "d")] == [
        "\x1b[32m",
        "\x1b[33m",
        "\x1b[31m",
        "x",
    ]
    monkeypatch.setenv("NO_COLOR", "1")
    assert output.paint("✗ c", "x") == "x"


def wiring() -> Wiring:
    desk = Desk()
    made = samples.case(CaseState.RUNNING, Verdict.LOCKED, Verdict.UNKNOWN, Verdict.OPEN)
    lines = tuple(replace(line, accounts=(samples.account(line.system),)) for line in made.systems)
    desk.offboarding.known["case-1"] = replace(made, systems=lines, clients=samples.clients(samples.proposal()))
    return desk


@pytest.fixture
def table_lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Show tables at 80 columns, and keep their lines."""
    kept: list[str] = []

    def keep(*arguments: Any) -> Iterator[str]:
        shown = list(fitted(*arguments))
        kept.extend(shown)
        return iter(shown)

    monkeypatch.setattr(output, "terminal_width", lambda: 80)
    monkeypatch.setattr(output, "fitted", keep)
    return kept


def words(text: str) -> set[str]:
    return {word.strip(";:,") for word in re.sub("\x1b\\[[0-9;]*m", "", text).split()} - {""}


def command(line: str, config: Path) -> Sequence[str]:
    return line.split() if line == "connectors" else (*line.split(), "--config", str(config))


@pytest.mark.parametrize("line", TABLES)
def test_a_commands_table_fits_80_columns_and_breaks_no_word(line: str, table_lines: list[str], tmp_path: Path) -> None:
    config = configuration(tmp_path)
    shown = handover(wiring(), *command(line, config))
    assert "Traceback" not in shown.output
    bare = [re.sub("\x1b\\[[0-9;]*m", "", one) for one in table_lines]
    long = [one for one in bare if cells(one) > 80]
    assert all(len(re.sub(r"`[^`]*`", "x", one).split()) == 1 for one in long), long
    output_in_pipe = _piped(line, config)
    assert words(output_in_pipe) - words(shown.stdout) == set(), "a word of the piped table is broken at the terminal"


def _piped(line: str, config: Path) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output, "terminal_width", lambda: None)
        return handover(wiring(), *command(line, config)).stdout


@pytest.mark.parametrize("line", TABLES)
def test_a_pipe_gets_no_box_no_colour_and_one_line_a_row(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[int] = []

    def count(columns: Sequence[str], found: Sequence[Sequence[str]]) -> Iterator[str]:
        shown = list(one_line(columns, found))
        rows.append(len(shown) - len(found))
        return iter(shown)

    monkeypatch.setattr(output, "one_line", count)
    shown = handover(wiring(), *command(line, configuration(tmp_path))).stdout
    assert not re.search("[\x1b─-╿]", shown)
    assert line == "delegate" or set(rows) == {1}, "one heading, and one line for each row"


def test_a_terminal_of_80_columns_shows_the_kinds_of_systems_within_it() -> None:
    ours, theirs = pty.openpty()
    env = {"PATH": os.environ["PATH"], "COLUMNS": "80", "LINES": "50", "TERM": "xterm", "LANG": "C.UTF-8"}
    with subprocess.Popen([sys.executable, "-m", "bot", "connectors"], cwd=ROOT, stdout=theirs, env=env) as running:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            shown += piece
    os.close(ours)
    assert running.returncode == 0
    lines = shown.decode().splitlines()
    assert any("openldap" in line or "ldap" in line for line in lines)
    assert [line for line in lines if cells(line) > 80] == []
