"""`idle`: memory, processor time and threads of the practice company's bot while nothing happens.

Memory is compared with a Python that has imported the same libraries, and nothing of ours. The program that names them
imports what the bot imports when it runs.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.figures import Figure, Run
from tests.sandbox.practice import ROOT, Practice

QUIET, SECONDS = 10, 30
GOAL_MB, GOAL_MB_OVER, GOAL_PERCENT, GOAL_THREADS = 200.0, 45.0, 2.0, 30.0
OWN = ("bot", "connectors", "workflows", "config", "tests", "__main__")
LOADED = f"""
import sys
import alembic.command
import bot.running, bot.slack.notifier, tests.sandbox.bot
from connectors import registry
for kind in ("ldap", "tryton"):
    registry.manifest(kind)
print("\\n".join(name for name in sys.modules if name.partition(".")[0] not in {OWN}))
"""
BARE = """
import contextlib, importlib, sys
for name in sys.stdin.read().split():
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
print(next(line for line in open("/proc/self/status") if line.startswith("VmRSS:")).split()[1])
"""


def run() -> Run:
    """Measure after some quiet seconds."""
    with tempfile.TemporaryDirectory() as folder, Practice(Path(folder)) as practice:
        time.sleep(QUIET)
        before = processor(practice.bot_pid)
        time.sleep(SECONDS)
        work = processor(practice.bot_pid) - before
        taken = resident_mb(practice.bot_pid)
        threads = len(list(Path(f"/proc/{practice.bot_pid}/task").iterdir()))
    floor = bare_import_mb()
    return Run(
        "idle",
        {"seconds": SECONDS},
        [
            Figure("resident", taken, "MB", goal=GOAL_MB, floor=floor),
            Figure("over a bare import of the libraries", taken - floor, "MB", goal=GOAL_MB_OVER),
            Figure("processor", 100 * work / SECONDS, "% of a core", goal=GOAL_PERCENT),
            Figure(f"processor in {SECONDS} s", work, "s"),
            Figure("threads", float(threads), "threads", goal=GOAL_THREADS),
        ],
    )


def bare_import_mb() -> float:
    """Return the resident memory of a Python with the bot's libraries imported and nothing else, in megabytes."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def said(program: str, names: str = "") -> str:
        command = [sys.executable, "-c", program]
        return subprocess.run(
            command, input=names, env=environment, cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout

    return int(said(BARE, said(LOADED))) / 1024


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def processor(pid: int) -> float:
    """Return the seconds of processor time that a process has used (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
