"""`idle`: what the bot holds in memory while nothing happens, beside a Python that has only started."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.figures import Figure, Run
from tests.sandbox.practice import Practice

SECONDS = 5
GOAL_MB = 200.0


def run() -> Run:
    """Measure resident memory after some quiet seconds."""
    with tempfile.TemporaryDirectory() as folder, Practice(Path(folder)) as practice:
        time.sleep(SECONDS)
        taken = resident_mb(practice.bot_pid)
    bare = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    time.sleep(1)
    floor = resident_mb(bare.pid)
    bare.kill()
    bare.wait()
    return Run("idle", {"seconds": SECONDS}, [Figure("resident", taken, "MB", goal=GOAL_MB, floor=floor)])


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024
