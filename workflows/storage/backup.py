"""Backup of the rows, and the proof that a backup can be restored: whole, readable with our keys, and verified."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import col, func, select

from config.text import _
from workflows.storage.heads import Head
from workflows.storage.rows.case import Case
from workflows.storage.store import Store, connect, sqlite_url
from workflows.storage.upgrade import revision
from workflows.storage.vault import Vault
from workflows.storage.verification import newest_entry_at, verify

MANIFEST = "backup.json"
FILES = ("handover.sqlite", "engine.sqlite")
DUMP = "handover.dump"
PIECE = 1 << 20


class BackupFailed(Exception):
    """The backup could not be made or restored; the message says why."""


@dataclass(frozen=True, slots=True)
class Backup:
    """Manifest of a backup: its time, the revision of its tables, and the SHA-256 of each file by name."""

    made_at: str
    tables: str
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class BackupCheck:
    """Result of a check. `faults`: sentences; empty if the backup can be restored."""

    made_at: str
    faults: tuple[str, ...]
    cases: int = 0
    entries: int = 0
    outside: int = 0
    """Number of heads from outside that fit."""


def make(storage: str | Path, folder: Path, now: datetime) -> Backup:
    """Copy the rows of a data folder, or of a PostgreSQL database by its address, into an empty or new folder.

    The bot may run meanwhile: the copy shows one moment. Raises `BackupFailed`.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(folder.iterdir()):
        raise BackupFailed(_("{folder} is not empty").format(folder=folder))
    if isinstance(storage, Path):
        for name in FILES:
            if (storage / name).is_file():
                _copy(storage / name, folder / name)
    else:
        _run("pg_dump", "--format=custom", "--no-owner", f"--file={folder / DUMP}", dsn=storage)
    names = [name for name in (*FILES, DUMP) if (folder / name).is_file()]
    if not {FILES[0], DUMP} & set(names):
        raise BackupFailed(_("there is no data in {folder}").format(folder=storage))
    made = Backup(now.isoformat(), _tables(storage, folder), {name: _digest(folder / name) for name in names})
    (folder / MANIFEST).write_text(json.dumps(asdict(made), indent=2) + "\n", encoding="utf-8")
    return made


def _tables(storage: str | Path, folder: Path) -> str:
    """Return the revision of the copied tables: before an upgrade they are an earlier version's."""
    url = sqlite_url(folder) if isinstance(storage, Path) else storage
    engine = connect(url, read_only=True) if url == storage else sa.create_engine(url)
    try:
        with engine.connect() as connection:
            return revision(connection)
    finally:
        engine.dispose()


def changed_files(folder: Path) -> tuple[Backup, list[str]]:
    """Return a backup's manifest, and the names of its files that are missing or changed. Raises `BackupFailed`."""
    made = read_manifest(folder)
    changed = [n for n, digest in made.files.items() if not (folder / n).is_file() or _digest(folder / n) != digest]
    return made, changed


def read_manifest(folder: Path) -> Backup:
    """Return what a backup says that it holds. Raises `BackupFailed`."""
    try:
        return Backup(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise BackupFailed(
            _("{folder} is no backup: {why}").format(folder=folder, why=getattr(error, "strerror", "") or error)
        ) from error


def check(
    folder: Path,
    vault: Vault,
    public_keys: Collection[str],
    heads: Sequence[Head],
    *,
    scratch: Path,
    database: str = "",
) -> BackupCheck:
    """Restore a backup for a trial, and read it: hashes, tables, every case's key, the journal and its heads.

    `scratch`: an empty folder for a copy, to be deleted afterwards. `database`: an empty PostgreSQL database for a
    backup of one. Heads that are newer than the backup are left out. Raises `BackupFailed`.
    """
    made, changed = changed_files(folder)
    faults = [_("{file} is missing or changed").format(file=name) for name in changed]
    if faults:
        return BackupCheck(made.made_at, tuple(faults))
    if DUMP in made.files:
        if not database:
            raise BackupFailed(_("a backup of PostgreSQL is read in an empty database: name one with --into"))
        _run("pg_restore", "--exit-on-error", "--no-owner", str(folder / DUMP), dsn=database)
    else:
        faults = restore(folder, scratch)
    with closing(Store(database if DUMP in made.files else sqlite_url(scratch), vault)) as store:
        store.upgrade()
        with store.read() as session:
            sealed = session.exec(select(Case.id, Case.wrapped_key)).all()
            cases = session.exec(select(func.count(col(Case.id)))).one()
        faults += [
            _("case {case} does not open with the configured master key").format(case=case_id)
            for case_id, key in sealed
            if key and not vault.fits(key)
        ]
        known = [head for head in heads if head.signed_at <= datetime.fromisoformat(made.made_at)]
        proof = verify(store, public_keys, known, judged_at=newest_entry_at(store))
        faults += [_("the journal: {fault}").format(fault=fault) for fault in proof.faults]
    return BackupCheck(made.made_at, tuple(faults), cases, proof.entries, proof.outside)


def restore(folder: Path, target: Path) -> list[str]:
    """Copy a backup's SQLite files into an empty folder; return the faults that SQLite finds in them."""
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(target.glob("*.sqlite*")):
        raise BackupFailed(_("{folder} is not empty").format(folder=target))
    faults = []
    for name in read_manifest(folder).files:
        shutil.copyfile(folder / name, target / name)
        with closing(sqlite3.connect(f"file:{target / name}?mode=ro", uri=True)) as connection:
            try:
                found = [str(line) for (line,) in connection.execute("pragma integrity_check") if line != "ok"]
            except sqlite3.DatabaseError as error:
                found = [str(error)]
        faults += [f"{name}: {fault}" for fault in found]
    return faults


def _copy(source: Path, target: Path) -> None:
    """Copy one SQLite database, as of one moment."""
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as rows, closing(sqlite3.connect(target)) as copy:
        rows.backup(copy)
        copy.execute("pragma journal_mode = delete")


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while piece := content.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _run(tool: str, *arguments: str, dsn: str) -> None:
    """Run a tool of PostgreSQL. The password goes through the environment: everybody can see a command line."""
    url = sa.make_url(dsn)
    environment = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    address = url.set(drivername="postgresql", password=None).render_as_string()
    try:
        done = subprocess.run(  # noqa: S603 - a fixed tool, and no shell
            [tool, *arguments, "--dbname", address], env=environment, check=False, capture_output=True, text=True
        )
    except OSError as error:
        raise BackupFailed(
            _("{tool} cannot be run ({why}): install PostgreSQL's client").format(tool=tool, why=error.strerror)
        ) from error
    if done.returncode:
        raise BackupFailed(f"{tool}: {done.stderr.strip()[-500:]}")
