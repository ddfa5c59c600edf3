"""`audit`: the daily audit of 100,000 past leavers in a real slapd, against plain paged python-ldap right beside it."""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure, Run
from tests.bench.leavers import MASTER, directory, rows
from workflows.storage.store import Store, sqlite_url
from workflows.storage.vault import Vault

LEAVERS, FEW = 100_000, 10_000
ROUNDS = 5
TIME_GOAL, MEMORY_GOAL = 1.5, 1.3


def run(leavers: int = LEAVERS, few: int = FEW) -> Run:
    """Measure both alternately, so other load affects both. Return the median of each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part, count in (("many", leavers), ("few", few)):
            _rows(folder / part, count)
        with directory(folder / "slapd", leavers) as slapd:
            small = _read("audit", slapd.url, folder / "few")
            pairs = [
                (_read("plain", slapd.url, folder), _read("audit", slapd.url, folder / "many")) for _ in range(ROUNDS)
            ]
    plain, audits = [one for one, _ in pairs], [one for _, one in pairs]
    wrong = sum(leavers - one["verdicts"].get("locked", 0) + one["findings"] for one in audits)
    return Run(
        "audit",
        {"leavers": leavers, "few": few, "rounds": ROUNDS},
        [
            Figure("time", _median(audits), "s", goal=TIME_GOAL, floor=_median(plain), of="ratio"),
            Figure(
                "peak memory",
                max(one["peak_mb"] for one in audits),
                "MB",
                goal=MEMORY_GOAL,
                floor=small["peak_mb"],
                of="ratio",
            ),
            Figure("accounts not read as locked", float(wrong), "accounts", goal=0.0),
        ],
    )


def _median(runs: list[dict[str, Any]]) -> float:
    return float(statistics.median(one["seconds"] for one in runs))


def _rows(folder: Path, count: int) -> None:
    folder.mkdir()
    store = Store(sqlite_url(folder), Vault(MASTER))
    store.upgrade()
    rows(store, count)
    store.close()


def _read(what: str, url: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.audit_reader", what, url, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
