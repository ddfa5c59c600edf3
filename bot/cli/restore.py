"""`handover restore`: the proof that a backup can be restored, and its restoration."""

import tempfile
from base64 import b64decode
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.context import DEFAULT, AsJson, ConfigPath, read, require_yes
from bot.cli.output import EXIT_FAILURE, EXIT_USAGE, CommandError, finish, say
from bot.cli.verify import public_half
from bot.text import N_, _, ngettext
from config.settings import Settings, Storage
from workflows.storage.backup import BackupCheck, BackupFailed, check
from workflows.storage.backup import restore as put_back
from workflows.storage.heads import HeadFile
from workflows.storage.vault import Vault

HELP = N_(
    """With --check a copy of the backup is read as a whole, and nothing else is touched. Without it, the backup is
checked first, and then copied into the empty folder of storage.path.

Checked are hashes, tables, the key of every case, the journal, and the heads that were kept outside.
"""
)
EXAMPLES = ("handover restore --check /backup/2026-12-01", "handover restore /backup/2026-12-01")


def restore(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help=N_("The folder that `handover backup` wrote."))],
    only_check: Annotated[bool, typer.Option("--check", help=N_("Prove the backup, and restore nothing."))] = False,
    into: Annotated[
        str, typer.Option(metavar="URL", help=N_("An empty PostgreSQL database, for a backup of one."))
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help=N_("Do not ask for confirmation."))] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Check a backup, and restore it unless told to check alone."""
    settings = read(ctx, config)
    try:
        found = _checked(settings, folder, into)
        if not (only_check or found.faults):
            _put_back(settings.storage, folder, yes, restored=bool(into))
    except BackupFailed as error:
        raise CommandError(_("Nothing was restored: {why}.").format(why=error), code=EXIT_FAILURE) from error
    finish(found, lambda: _show(found, restored=not only_check), as_json=as_json, good=not found.faults)


def _checked(settings: Settings, folder: Path, into: str) -> BackupCheck:
    storage = settings.storage
    masters = [b64decode(key.get_secret_value()) for key in (storage.master_key, *storage.former_master_keys)]
    vault = Vault(masters[0], masters[1:])
    keys = (public_half(storage), *storage.former_public_keys)
    kept = HeadFile(storage.kept_heads).kept()
    with tempfile.TemporaryDirectory(prefix="handover-restore-") as scratch:
        return check(folder, vault, keys, kept, scratch=Path(scratch), database=into)


def _put_back(storage: Storage, folder: Path, yes: bool, *, restored: bool) -> None:
    if restored:  # the check has filled the database
        return
    if storage.url:
        raise CommandError(_("A backup of SQLite does not fit storage.url."), code=EXIT_USAGE)
    require_yes(_("Restore {folder} into {target}?").format(folder=folder, target=storage.path), yes)
    put_back(folder, storage.path)


def _show(found: BackupCheck, *, restored: bool) -> None:
    if found.faults:
        say(_("THE BACKUP IS NOT WHOLE: {count} fault(s).").format(count=len(found.faults)))
        say(*(f"  - {fault}" for fault in found.faults))
        return
    say(_("Restored.") if restored else _("The backup can be restored."))
    cases = ngettext("{count} case opens with our key", "{count} cases open with our key", found.cases)
    said = _("Made {at}: {cases}; {entries} entries of the journal are whole.")
    say(said.format(at=found.made_at, cases=cases.format(count=found.cases), entries=found.entries))
    if not found.outside:
        say(_("No head from outside was compared: a database replaced as a whole would not be noticed."))
