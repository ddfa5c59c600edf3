"""`idle`: what the bot holds in memory and works while nothing happens, beside a Python that has only started."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.figures import Figure, Run
from tests.sandbox.practice import Practice

SECONDS = 10
GOAL_MB = 200.0


def run() -> Run:
    """Measure resident memory after some quiet seconds."""
    with tempfile.TemporaryDirectory() as folder, Practice(Path(folder)) as practice:
        time.sleep(SECONDS)
        before = processor(practice.bot_pid)
        time.sleep(SECONDS)
        work = 100 * (processor(practice.bot_pid) - before) / SECONDS
        taken = resident_mb(practice.bot_pid)
    bare = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    time.sleep(1)
    floor = resident_mb(bare.pid)
    bare.kill()
    bare.wait()
    return Run(
        "idle",
        {"seconds": SECONDS},
        [Figure("resident", taken, "MB", goal=GOAL_MB, floor=floor), Figure("processor", work, "% of a core")],
    )


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def processor(pid: int) -> float:
    """Return the seconds of processor time that a process has used (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
