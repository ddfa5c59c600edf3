"""Processes and folders that an earlier practice company left behind, because it was killed."""

import os
import shutil
import signal
import tempfile
from contextlib import suppress
from pathlib import Path

MARK = "HANDOVER_PRACTICE"
"""Variable that every process of a practice company inherits: the owner's process id, and the time of its start."""
PREFIX = "handover-practice-"


def mark() -> str:
    """Set this process's mark for everything that it starts, and return the prefix of its folder."""
    os.environ[MARK] = f"{os.getpid()}.{_started(os.getpid())}"
    return f"{PREFIX}{os.environ[MARK]}-"


def end_leftovers() -> int:
    """Kill the processes, and remove the folders, of owners that are gone; return how many processes there were."""
    ended = 0
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            pid = int(entry.name)
            if (owner := _owner(entry)) and not _lives(owner):
                os.kill(pid, signal.SIGKILL)
                ended += 1
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*.*-*"):
        with suppress(ValueError):
            if not _lives(folder.name.removeprefix(PREFIX).partition("-")[0]):
                shutil.rmtree(folder, ignore_errors=True)
    return ended


def _owner(process: Path) -> str:
    """Return the mark in a process's environment; empty without one. Raises `OSError` for another user's process."""
    for variable in (process / "environ").read_bytes().split(b"\0"):
        name, _, value = variable.partition(b"=")
        if name == MARK.encode():
            return value.decode()
    return ""


def _lives(mark: str) -> bool:
    """Return whether the owner of a mark still runs. Raises `ValueError` for another text."""
    pid, _, started = mark.partition(".")
    return _started(int(pid)) == started


def _started(pid: int) -> str:
    """Return the time of a process's start (proc(5), field 22); empty if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return ""
