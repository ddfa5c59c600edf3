"""Checks of this machine and its data: Python, text, folder, disk, SQLite, and the master key."""

import shutil
import sqlite3
import sys
import tempfile
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot.cli.checks import Check, CheckResult, actors
from bot.text import _
from config.settings import Settings
from workflows.access.lost_members import stopping
from workflows.engine.clock_guard import differs
from workflows.engine.engine_file import damage
from workflows.storage.rows.case import Case
from workflows.storage.vault import Vault
from workflows.storage.verification import FOREIGN, foreign_objects

PYTHON = ((3, 11), (3, 14))
SQLITE = (3, 35)
"""First version with UPDATE ... RETURNING, which rows and engine use."""
MIN_DISK_BYTES = 500 * 2**20
"""Bytes of free space that a growing database needs."""


def checks(settings: Settings) -> list[Check]:
    """Return the checks of this machine."""
    return [
        Check(_("Python"), lambda: [python(sys.version_info[:2])]),
        Check(_("Text"), lambda: [text(sys.getfilesystemencoding(), len(available_timezones()))]),
        Check(_("Data folder"), lambda: [folder(settings.storage.path)]),
        Check(_("Disk"), lambda: [disk_space(settings.storage.path)]),
        Check(_("Running bot"), lambda: [running_bot(settings.health.host, settings.health.port)]),
        *([] if settings.storage.url else [Check("SQLite", lambda: [sqlite(sqlite3.sqlite_version_info)])]),
        *([] if settings.storage.url else [Check(_("Engine"), lambda: [engine(settings.storage.path)])]),
    ]


def python(version: tuple[int, ...]) -> CheckResult:
    """Check the interpreter's version."""
    least, most = PYTHON
    said = ".".join(map(str, version))
    return CheckResult(_("Python"), least <= version < most, said, _("Use Python 3.11, 3.12 or 3.13."))


def text(encoding: str, zones: int) -> CheckResult:
    """Check that every name can be encoded, and that time zones are known."""
    if encoding.lower().replace("-", "") != "utf8":
        return CheckResult(_("Text"), False, encoding, _("Set LANG=C.UTF-8, or PYTHONUTF8=1, for the bot's user."))
    return CheckResult(_("Text"), zones > 0, _("UTF-8, {zones} time zones").format(zones=zones), _("Install tzdata."))


def folder(path: Path) -> CheckResult:
    """Check that the data folder exists, is writable, and is private."""
    what = _("Data folder")
    if not path.is_dir():
        return CheckResult(
            what,
            False,
            _("{path} does not exist").format(path=path),
            _("Create it: install -d -m 700 -o USER {path}, where USER is the bot's user.").format(path=path),
        )
    try:
        with tempfile.TemporaryFile(dir=path) as probe:
            probe.write(b"handover")
    except OSError as error:
        return CheckResult(
            what, False, f"{path}: {error.strerror}", _("Make the bot's user the owner of {path}.").format(path=path)
        )
    if path.stat().st_mode & 0o007:
        return CheckResult(what, False, _("everybody has access to {path}").format(path=path), f"chmod 700 {path}")
    return CheckResult(what, True, _("{path} is writable").format(path=path))


def disk_space(path: Path) -> CheckResult:
    """Check the free disk space."""
    there = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    free = shutil.disk_usage(there).free
    return CheckResult(
        _("Disk"),
        free >= MIN_DISK_BYTES,
        _("{size:.1f} GB free").format(size=free / 1e9),
        _("Free disk space. A full disk stops every case."),
    )


def sqlite(version: tuple[int, ...]) -> CheckResult:
    """Check the SQLite library's version."""
    return CheckResult(
        "SQLite",
        version >= SQLITE,
        ".".join(map(str, version)),
        _("Use a Python built with SQLite 3.35 or newer, or set storage.url to PostgreSQL."),
    )


def engine(folder: Path) -> CheckResult:
    """Check the engine's file. Without one, the next start makes it."""
    file = folder / "engine.sqlite"
    why = damage(file) if file.exists() else ""
    return CheckResult(
        _("Engine"),
        not why,
        _("{file} is damaged: {why}").format(file=file, why=why) if why else _("its file is in order"),
        _("Restart the bot. It sets the file aside, and makes another one from the stored data."),
    )


def running_bot(host: str, port: int) -> CheckResult:
    """Ask the bot on this machine for its faults. A bot that does not run is no fault."""
    what = _("Running bot")
    connection = HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        said, good = answer.read(10_000).decode(errors="replace").strip(), answer.status == HTTPStatus.OK
    except ConnectionRefusedError:
        said = _("none on this machine, at {host}:{port}").format(host=host, port=port)
        return CheckResult(what, True, said, _("Start it with `handover run`, unless it runs elsewhere."), unseen=True)
    except (OSError, HTTPException) as error:
        said, good = str(error) or type(error).__name__, False
    finally:
        connection.close()
    return CheckResult(what, good, said, _("Read the bot's log. Restart the bot if it does not come right by itself."))


def _foreign(session: Session) -> list[CheckResult]:
    """Return a fault for each trigger and the like, which another hand put into the database."""
    todo = _("Ask who made it, remove it, and run `handover verify` with heads from outside.")
    said = [_(FOREIGN).format(what=name) for name in foreign_objects(session)]
    return [CheckResult(_("Stored data"), False, one, todo) for one in said]


def stored_data(wired: Any, settings: Settings) -> Check:
    """Return the check of the stored data and of the actors in it. It may run beside a running bot."""

    def look() -> list[CheckResult]:
        if not settings.storage.url and not (settings.storage.path / "handover.sqlite").exists():
            said = _("none yet; the first start makes it")
            return [CheckResult(_("Stored data"), True, said, unseen=True), *actors.results(settings, [])]
        with wired.assemble(settings, mode="visit") as application, application.store.read() as session:
            enrolled = [one.id for one in application.services.enrolments.people()]
            now, behind = application.store.now(session), application.services.clock_record.fault
            time = _clock(datetime.now(UTC) - now) if application.store.postgres else _recorded(behind())
            return [
                CheckResult(_("Stored data"), True, _version(session)),
                time,
                _master_key(session, settings),
                *_foreign(session),
                *_lost_members(session, now, settings),
                *actors.results(settings, enrolled),
            ]

    return Check(_("Stored data"), look)


def _clock(difference: timedelta) -> CheckResult:
    """Check this machine's clock against the database's, by which all work is done."""
    said = differs(difference)
    return CheckResult(
        _("Database clock"),
        not said,
        said or _("as this machine's"),
        _("Keep the clocks of this machine and the database server with NTP."),
    )


def _recorded(fault: str) -> CheckResult:
    """Check this machine's clock against the last time on record."""
    return CheckResult(
        _("Clock and journal"),
        not fault,
        fault or _("not before the last time on record"),
        _("Set the clock. If it is right, run `handover doctor --accept-clock`."),
    )


def _lost_members(session: Session, now: datetime, settings: Settings) -> list[CheckResult]:
    """Report the systems in which no group is changed, because other members were lost there."""
    said = _("no group is left or joined here, because other members were lost before ({finding})")
    todo = _("Bring them back, then accept the finding: `handover findings --accept {finding}`.")
    return [
        CheckResult(f"systems.{name}.groups", False, said.format(finding=finding), todo.format(finding=finding))
        for name in settings.systems
        for finding in stopping(session, name, now)
    ]


def _master_key(session: Session, settings: Settings) -> CheckResult:
    """Check that the master key opens the newest case. Without cases any key fits."""
    what = _("Master key")
    wrapped = session.exec(select(Case.wrapped_key).order_by(col(Case.opened_at).desc()).limit(1)).first()
    if wrapped is None:
        return CheckResult(what, True, _("present; nothing is encrypted with it yet"))
    storage = settings.storage
    keys = [b64decode(key.get_secret_value()) for key in (storage.master_key, *storage.former_master_keys)]
    fits = Vault(keys[0], keys[1:]).fits(wrapped)
    return CheckResult(
        what,
        fits,
        _("fits the stored cases") if fits else _("does not fit the stored cases"),
        _("Set storage.master_key to the key that the data was written under."),
    )


def _version(session: Session) -> str:
    dialect = session.get_bind().dialect.name
    if dialect == "sqlite":
        return "SQLite " + str(session.execute(sa.text("select sqlite_version()")).scalar_one())
    return "PostgreSQL " + str(session.execute(sa.text("show server_version")).scalar_one())
