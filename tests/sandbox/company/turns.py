"""Taking turns on what a machine has only one of, such as fixed ports: a file lock, waited for within bounds."""

import fcntl
import os
import tempfile
import time
from pathlib import Path


class NotYourTurn(RuntimeError):
    """Somebody else kept the turn for too long; the message has the lock's file."""


class Turn:
    """The right to use one thing; it ends with the process at the latest."""

    def __init__(self, name: str, seconds: float) -> None:
        self._path = Path(tempfile.gettempdir()) / f"handover-{name}.lock"
        self._seconds = seconds
        self._file: int | None = None

    def take(self) -> None:
        """Wait for the lock. Do nothing if this process holds it. Raises `NotYourTurn`."""
        if self._file is not None:
            return
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + self._seconds
        while not _locked(file):
            if time.monotonic() > deadline:
                os.close(file)
                raise NotYourTurn(f"another test run still has it after {self._seconds:g} seconds ({self._path})")
            time.sleep(0.1)
        self._file = file

    def give_back(self) -> None:
        """Release the lock. Do nothing if this process does not hold it."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
