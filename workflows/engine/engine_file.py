"""The engine's file on SQLite: it repeats what the rows say, so a damaged or missing one is made anew from them."""

import logging
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from config.text import _

log = logging.getLogger(__name__)
PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
}
"""Faults of a disk, of rights or of a moment, which say nothing about the file."""
COMPANIONS = ("", "-wal", "-shm", "-journal")
NEEDED = {"workflow_uuid", "status", "executor_id"}
"""Columns by which the engine finds work."""


def damage(path: Path, *, whole: bool = True) -> str:
    """Return what is wrong with an existing file; empty for a good one. `whole`: read every page, as at a start."""
    try:
        with closing(sqlite3.connect(path, timeout=5)) as connection:
            if whole:
                [found] = connection.execute("PRAGMA quick_check(1)").fetchone()
                if found != "ok":
                    return str(found)
            tables = connection.execute("select count(*) from sqlite_master").fetchone()
            columns = {row[1] for row in connection.execute("PRAGMA table_info(workflow_status)")}
            if tables != (0,) and not columns >= NEEDED:
                return "workflow_status"
    except sqlite3.DatabaseError as error:
        return "" if is_passing(error) else str(error)
    return ""


def is_passing(error: BaseException | None) -> bool:
    """Return whether an error says nothing about the file."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in PASSING


def prepare(path: Path, *, expected: bool) -> None:
    """Set a damaged file aside before the engine starts, and log a missing one that is `expected`."""
    if not path.exists() or not path.stat().st_size:
        if expected:
            log.error("%s is missing or empty; it is made anew, and all due work begins again from the rows", path)
    elif why := damage(path):
        set_aside(path, why)


def set_aside(path: Path, why: str) -> None:
    """Rename a file and its companions, and log the new name."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for companion in COMPANIONS:
        part = Path(f"{path}{companion}")
        if part.exists():
            part.rename(f"{path}.damaged-{stamp}{companion}")
    log.error(
        "%s is damaged (%s). It is now %s.damaged-%s; a new one is made, and all due work begins again from the rows",
        path,
        why,
        path.name,
        stamp,
    )


def fault(path: Path) -> str:
    """Return the sentence on a file that a running engine has lost; empty for a good one."""
    if not path.exists():
        return _("{path} is missing; the next start makes it anew").format(path=path)
    why = damage(path, whole=False)
    return _("{path} is damaged ({why}); the next start makes it anew").format(path=path, why=why) if why else ""
