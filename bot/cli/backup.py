"""`handover backup`: a copy of the rows, which `handover restore --check` can prove."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.context import DEFAULT, AsJson, ConfigPath, read
from bot.cli.output import EXIT_FAILURE, CommandError, finish, say
from bot.text import N_, _
from workflows.ports import SystemClock
from workflows.storage.backup import Backup, BackupFailed, make

HELP = N_(
    """The bot may run meanwhile. The folder must be new or empty.

Keys and configuration are not in it: keep a copy of them elsewhere. PostgreSQL is copied by its own `pg_dump`.
"""
)
EXAMPLES = ("handover backup /backup/2026-12-01",)


def backup(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help=N_("Where to write the copy."))],
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Copy the rows, and print what the copy holds."""
    storage = read(ctx, config).storage
    try:
        made = make(storage.url or storage.path, folder, SystemClock().now())
    except BackupFailed as error:
        raise CommandError(_("No backup was made: {why}.").format(why=error), code=EXIT_FAILURE) from error
    finish(made, lambda: _show(made, folder), as_json=as_json)


def _show(made: Backup, folder: Path) -> None:
    say(*(f"{folder / name}  {digest}" for name, digest in made.files.items()))
    say(_("Prove it with: handover restore --check {folder}").format(folder=folder))
