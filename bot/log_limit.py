"""Limit on lines about one fault of the storage: a full disk would fill the log, and perhaps another disk with it."""

import logging
import sqlite3
import time

import sqlalchemy as sa

from workflows.storage.store import StorageFailed

FAULTS = (StorageFailed, sa.exc.OperationalError, sqlite3.OperationalError)
WORDS = ("disk is full", "No space left on device", "disk I/O error")
QUIET_SECONDS = 600.0
"""After so long without a line, the next one is the first again."""
STEP = 4
"""Lines that pass are the first, the fourth, the sixteenth, and so on."""


class StorageFaultLimit(logging.Filter):
    """Filter that passes few of many lines about failed reads and writes, without their stack traces."""

    def __init__(self) -> None:
        super().__init__()
        self._lines, self._next, self._last = 0, 1, 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line passes; a line that stands for others says how many."""
        if not _is_storage_fault(record):
            return True
        now = time.monotonic()
        if now - self._last > QUIET_SECONDS:
            self._lines, self._next = 0, 1
        self._last, self._lines = now, self._lines + 1
        if self._lines < self._next:
            return False
        text, error = record.getMessage(), record.exc_info[1] if record.exc_info else None
        if error is not None:
            text = f"{text} ({getattr(error, 'orig', None) or error})"
        if self._next > 1:
            text = f"{text} ({self._lines} lines about the storage so far)"
        record.msg, record.args, record.exc_info, record.exc_text = text, (), None, None
        self._next *= STEP
        return True


def _is_storage_fault(record: logging.LogRecord) -> bool:
    if record.levelno < logging.WARNING:
        return False
    arguments = record.args if isinstance(record.args, tuple) else ()
    error = record.exc_info[1] if record.exc_info else None
    if any(isinstance(one, FAULTS) for one in (error, *arguments)):
        return True
    text = f"{record.getMessage()} {error}"
    return any(words in text for words in WORDS)


def limit_storage_faults() -> None:
    """Limit the lines of every handler of the root logger, to which the engine's library logs, too."""
    logging.getLogger("dbos").addHandler(logging.NullHandler())  # else the library adds a handler without our limit
    limit = StorageFaultLimit()
    for handler in logging.getLogger().handlers:
        handler.addFilter(limit)
