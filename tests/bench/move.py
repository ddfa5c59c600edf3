"""`move`: a large client book in a CRM that counts requests and refuses those above its published limit.

Three runs: one mover (pace, refusals, memory against a tenth of the book), two replicas on one PostgreSQL, and one that
kill -9 ends ten times. The floor is the published limit: 190 requests in 10 s, 100 records each.
"""

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure, Run
from tests.sandbox.limited.server import REQUESTS, WINDOW
from tests.sandbox.postgres import Postgres
from workflows.storage.store import sqlite_url

RECORDS, SHARED, KILLED, KILLS = 100_000, 20_000, 20_000, 10
PACE_GOAL, REFUSED_GOAL, MEMORY_GOAL = 1 / 0.95, 0.5, 1.3
PYTHON = (sys.executable, "-m")
PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class OperatorClient:
    """The CRM through its operator's address."""

    url: str

    def ask(self, path: str, **asked: Any) -> Any:
        """Ask what is not counted."""
        request = urllib.request.Request(self.url + path, json.dumps(asked).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


def run(records: int = RECORDS) -> Run:
    """Measure all three."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        small, _ = _alone(here / "small", records // 10)
        large, seen = _alone(here / "large", records)
        both = _two(SHARED)
        killed = _killed(here / "killed", KILLED)
    moves, every = seen["moves"], seen["times"]
    return Run(
        "move",
        {"records": records, "two replicas": SHARED, "killed": KILLED, "limit": [REQUESTS, WINDOW]},
        [
            Figure(f"moving {records:,} records", _span(moves), "s", PACE_GOAL, _floor(moves), of="ratio"),
            Figure("whole attempt, looking again included", _span(every), "s", PACE_GOAL, _floor(every), of="ratio"),
            Figure("records a second while moving", records / _span(moves), "1/s"),
            Figure("refused with 429", _refused(seen), "%", REFUSED_GOAL),
            Figure("peak memory", large["peak_mb"], "MB", MEMORY_GOAL, small["peak_mb"], of="ratio"),
            Figure("two replicas: time", _span(both["times"]), "s", PACE_GOAL, _floor(both["times"]), of="ratio"),
            Figure("two replicas: refused with 429", _refused(both), "%", REFUSED_GOAL),
            Figure("two replicas: most in any window", both["most"], "requests", float(REQUESTS)),
            Figure("killed ten times: kills that hit", float(killed["kills"]), "kills"),
            Figure("killed ten times: records written twice", float(killed["twice"]), "records", 0.0),
            Figure("killed ten times: records not moved", float(KILLED - killed["written"]), "records", 0.0),
        ],
    )


def _alone(folder: Path, records: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Move one book with one process; return its figures and the operator's."""
    folder.mkdir()
    with crm(records) as operator:
        rows = sqlite_url(folder)
        prepare(operator, rows, "dana0")
        told: dict[str, Any] = _end(_start(operator, rows, "dana0"))
        return told, operator.ask("/stats")


def _two(records: int) -> dict[str, Any]:
    """Move two leavers' books at once, one replica each, on the same PostgreSQL."""
    with Postgres() as server, crm(records, 2) as operator:
        rows = server.database("move")
        for leaver in ("dana0", "dana1"):
            prepare(operator, rows, leaver)
        for process in [_start(operator, rows, leaver) for leaver in ("dana0", "dana1")]:
            _end(process)
        seen: dict[str, Any] = operator.ask("/stats")
        return seen


def _killed(folder: Path, records: int) -> dict[str, Any]:
    """Kill the mover at moments spread over the book, each time start another."""
    folder.mkdir()
    chance, kills = random.Random(7), 0
    with crm(records) as operator:
        rows = sqlite_url(folder)
        prepare(operator, rows, "dana0")
        process = _start(operator, rows, "dana0")
        for number in range(1, KILLS + 1):
            _until(operator, process, records * number // (KILLS + 1))
            time.sleep(chance.random() / 10)
            kills += process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.communicate()
            process = _start(operator, rows, "dana0")
        _end(process)
        return {**operator.ask("/stats"), "kills": kills}


@contextmanager
def crm(records: int, leavers: int = 1) -> Iterator[OperatorClient]:
    """Serve the CRM in a process of its own."""
    command = [*PYTHON, "tests.sandbox.limited.server", str(records), str(leavers)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield OperatorClient(process.stdout.readline().strip())
        process.kill()


def prepare(operator: OperatorClient, rows: str, leaver: str) -> None:
    """List, propose and approve, with the limit off: that is not what is measured. The counts begin after it."""
    operator.ask("/set", limit=False)
    subprocess.run(
        [*PYTHON, "tests.sandbox.limited.mover", "prepare", operator.url, rows, leaver],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=PATIENCE,
    )
    operator.ask("/set", limit=True)


def _start(operator: OperatorClient, rows: str, leaver: str) -> subprocess.Popen[str]:
    command = [*PYTHON, "tests.sandbox.limited.mover", "move", operator.url, rows, leaver]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _end(process: "subprocess.Popen[str]") -> Any:
    said, _ = process.communicate(timeout=PATIENCE)
    if process.returncode:
        raise RuntimeError(f"the mover ended with {process.returncode}")
    return json.loads(said)


def _until(operator: OperatorClient, process: "subprocess.Popen[str]", written: int) -> None:
    end = time.monotonic() + PATIENCE
    while operator.ask("/stats")["written"] < written and process.poll() is None:
        if time.monotonic() > end:
            raise RuntimeError(f"{written} records were not written within {PATIENCE:g} s")
        time.sleep(0.05)


def _span(moments: list[float]) -> float:
    return moments[-1] - moments[0]


def _floor(moments: list[float]) -> float:
    return (len(moments) - 1) * WINDOW / REQUESTS


def _refused(seen: dict[str, Any]) -> float:
    return float(100 * seen["refused"] / seen["asked"])
