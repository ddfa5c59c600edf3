"""A file lock on a resource that a machine has once, such as fixed ports, with a bounded wait."""

import fcntl
import os
import tempfile
import time
from pathlib import Path


class MachineLockTimeout(RuntimeError):
    """Another process held the lock for too long; the message names the lock file."""


class MachineLock:
    """A lock on one resource, which ends with the process at the latest."""

    def __init__(self, name: str, seconds: float) -> None:
        self._path = Path(tempfile.gettempdir()) / f"handover-{name}.lock"
        self._seconds = seconds
        self._file: int | None = None

    def acquire(self) -> None:
        """Wait for the lock. Do nothing if this process holds it. Raises `MachineLockTimeout`."""
        if self._file is not None:
            return
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + self._seconds
        while not _locked(file):
            if time.monotonic() > deadline:
                os.close(file)
                raise MachineLockTimeout(
                    f"another test run still holds it after {self._seconds:g} seconds ({self._path})"
                )
            time.sleep(0.1)
        self._file = file

    def release(self) -> None:
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
