"""`handover migrate`: the upgrade of the stored data, shown before it is done."""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.context import DEFAULT, AsJson, ConfigPath, Yes, read, require_yes
from bot.cli.output import CommandError, finish, say, show_table
from bot.text import N_, _, listed
from config.settings import Storage
from workflows.storage import backup as backups
from workflows.storage.upgrade import TableChange, UpgradePlan, plan

HELP = N_(
    """Stop the bot first. With --dry-run nothing is written, and the bot may run.

Shown are both versions, each table that changes, the space, and whether the backup is whole. Exits with 1 while
something is missing.
"""
)
EXAMPLES = ("handover migrate --dry-run --backup /backup/2026-12-01", "handover migrate --backup /backup/2026-12-01")
MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class BackupState:
    """The backup that is kept for the way back. `faults`: sentences; empty if it is whole."""

    made_at: str
    faults: tuple[str, ...]


def migrate(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=N_("Show what would change. Writes nothing."))] = False,
    backup: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help=N_("The backup from before, by `handover backup`."))
    ] = None,
    no_backup: Annotated[
        bool, typer.Option("--no-backup", help=N_("Go on without such a backup, as you have one of another kind."))
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show the upgrade, and do it unless told to show it alone."""
    storage = read(ctx, config).storage
    found = plan(storage.url or storage.path)
    kept = look(backup, found.found) if backup else None
    faults = () if found.needless or not found.found else _missing(found, kept, no_backup)
    if not (dry_run or found.needless or faults):
        require_yes(_("Upgrade the stored data now? The bot must be stopped."), yes)
        _upgrade(storage)
    done = not (dry_run or found.needless or faults)
    value = {"plan": found, "backup": kept, "missing": faults, "done": done}
    finish(value, lambda: _show(found, kept, faults, done=done), as_json=as_json, good=not faults)


def look(folder: Path, revision: str) -> BackupState:
    """Return whether a backup is whole, and of the tables that are there now."""
    try:
        made, changed = backups.changed_files(folder)
    except backups.BackupFailed as error:
        return BackupState("", (str(error),))
    faults = [_("{file} is missing or changed").format(file=name) for name in changed]
    if made.tables != revision:
        text = _("the backup has tables {backup}, the stored data has {data}")
        faults.append(text.format(backup=made.tables, data=revision))
    return BackupState(made.made_at, tuple(faults))


def _missing(found: UpgradePlan, kept: BackupState | None, no_backup: bool) -> tuple[str, ...]:
    """Return what must be there before the upgrade, in sentences. Pure."""
    missing = []
    if kept is None and not no_backup:
        missing.append(_("No backup is named. Make one: handover backup FOLDER, then add --backup FOLDER."))
    missing += [_("The backup is not whole: {fault}.").format(fault=fault) for fault in (kept.faults if kept else ())]
    if found.free is not None and found.needed > found.free:
        missing.append(_("The disk has too little space."))
    return tuple(missing)


def _upgrade(storage: Storage) -> None:
    from bot.wiring import open_store  # noqa: PLC0415 - loads every service; a dry run needs none
    from workflows.engine.replicas import ProcessLockHeld, process_lock  # noqa: PLC0415

    try:
        with nullcontext() if storage.url else process_lock(storage.path):
            open_store(storage).close()
    except ProcessLockHeld as error:
        raise CommandError(f"{error}.", _("Stop the bot, then try again.")) from error


def _show(found: UpgradePlan, kept: BackupState | None, missing: tuple[str, ...], *, done: bool) -> None:
    if not found.found and not done:
        say(_("There is no data yet. The first start makes the tables."))
        return
    if found.needless:
        say(_("The tables are those of this version ({known}): nothing to do.").format(known=found.known))
        return
    facts = {"version": found.version, "found": found.found, "known": found.known}
    if found.version:
        say(_("From the tables of version {version} ({found}) to those of this version ({known}).").format(**facts))
    else:
        say(_("From tables {found} to those of this version ({known}).").format(**facts))
    show_table([_("Table"), _("Change"), _("Rows")], [(c.table, _words(c), f"{c.rows:,}") for c in found.changes])
    if found.free is None:
        say(_("Space needed at the database server: {needed:.1f} MB.").format(needed=found.needed / MEGABYTE))
    else:
        text = _("Space needed: {needed:.1f} MB; free: {free:.1f} MB.")
        say(text.format(needed=found.needed / MEGABYTE, free=found.free / MEGABYTE))
    if kept and not kept.faults:
        say(_("The backup of {at} is whole. What was written after it is not in it.").format(at=kept.made_at))
    say(*missing)
    say(_("The stored data is upgraded.") if done else _("Nothing was changed."))


def _words(change: TableChange) -> str:
    """Return the change of a table in words. Pure."""
    said = [
        _("new table") if change.new else "",
        _("new columns: {names}").format(names=listed(change.columns)) if change.columns else "",
        _("new indexes: {names}").format(names=listed(change.indexes)) if change.indexes else "",
        _("every row is written anew") if change.rewritten else "",
    ]
    return "\n".join(filter(None, said))
