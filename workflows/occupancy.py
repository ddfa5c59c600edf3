"""One process at a time works on a data folder; a second one is told so at once, in words."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.text import _


class Occupied(Exception):
    """Another process works on these rows; it can be left to do so, or stopped."""


@contextmanager
def occupy(folder: Path) -> Iterator[None]:
    """Hold the folder until the end. Raises `Occupied`, naming the process that holds it. A killed process lets go."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "handover.lock").open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise Occupied(
                _(
                    "another Handover (process {holder}) works on {folder}. Stop it first, or use PostgreSQL "
                    "for several"
                ).format(holder=holder, folder=folder)
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
