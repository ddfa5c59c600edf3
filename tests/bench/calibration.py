"""Processor seconds of a fixed piece of work, by which figures of different machines compare.

A bench that takes ten times the calibration on one machine takes about ten times the calibration on another.
"""

import json
import sqlite3
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.figures import Figure, Run

ADDITIONS, DOCUMENTS, ROWS = 10_000_000, 20_000, 100_000
TIMES = 3


@dataclass(frozen=True, slots=True)
class Calibration:
    """Processor seconds of each kind of work on this machine."""

    python: float
    json: float
    sqlite: float

    @property
    def total(self) -> float:
        """All three together."""
        return self.python + self.json + self.sqlite

    def run(self) -> Run:
        """Return the calibration as a bench of its own."""
        figures = [
            Figure(f"{ADDITIONS / 1e6:g} million additions", self.python, "s of processor"),
            Figure(f"{DOCUMENTS} JSON documents there and back", self.json, "s of processor"),
            Figure(f"{ROWS} SQLite rows written and read", self.sqlite, "s of processor"),
            Figure("together", self.total, "s of processor"),
        ]
        return Run("calibration", {"times": TIMES}, figures)


def calibrate() -> Calibration:
    """Do the work some times, and return the median of each kind."""
    return Calibration(*(statistics.median(_seconds(work) for _ in range(TIMES)) for work in (_add, _dump, _store)))


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _add() -> int:
    total = 0
    for number in range(ADDITIONS):
        total += number
    return total


def _dump() -> int:
    document = {"id": 7, "names": [f"name {number}" for number in range(20)], "open": True, "share": 0.25}
    return sum(len(json.loads(json.dumps(document))) for _ in range(DOCUMENTS))


def _store() -> int:
    rows = sqlite3.connect(":memory:")
    rows.execute("create table one (id integer primary key, name text, due real)")
    rows.executemany("insert into one values (?, ?, ?)", ((n, f"name {n}", n / 3) for n in range(ROWS)))
    found = sum(1 for _ in rows.execute("select id, name from one where due > 0 order by name"))
    rows.close()
    return found
