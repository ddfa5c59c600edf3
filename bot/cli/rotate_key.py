"""`handover rotate-key`: all stored keys under the newest master key."""

from typing import Annotated

import typer

from bot.cli.actor import author
from bot.cli.context import DEFAULT, ConfigPath, Yes, open_services, require_yes
from bot.cli.output import EXIT_FAILURE, say
from bot.text import N_, _, ngettext
from workflows.authorization import Right

HELP = N_(
    """For a new storage.master_key. storage.former_master_keys lists the old one meanwhile.

A run that is stopped loses nothing: the next one goes on. Restart the bot with both keys before.
"""
)
EXAMPLES = ("handover rotate-key --dry-run", "handover rotate-key")


def rotate_key(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=N_("Count the keys, and change nothing."))] = False,
    yes: Yes = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Wrap every stored key anew, and print the numbers."""
    with open_services(ctx, config) as services:
        by = author(ctx, services, Right.ROTATE_KEY)
        if not dry_run:
            require_yes(_("Put all stored keys under the newest master key?"), yes)
        found = services.keys.rotate(by, dry_run=dry_run)
    if dry_run:
        said = ngettext("{count} key is to be wrapped anew.", "{count} keys are to be wrapped anew.", found.rewrapped)
    else:
        said = ngettext("{count} key was wrapped anew.", "{count} keys were wrapped anew.", found.rewrapped)
    say(said.format(count=found.rewrapped))
    said = ngettext("{count} key is under the newest master key.", "{count} keys are under the newest.", found.newest)
    say(said.format(count=found.newest))
    if found.lost:
        said = ngettext("{count} key opens with no listed master key.", "{count} keys open with none.", found.lost)
        say(said.format(count=found.lost))
        raise typer.Exit(EXIT_FAILURE)
