"""Confirmation by the person at the terminal, before a command changes anything."""

import typer

from bot.cli.command_errors import EXIT_FAILURE, CommandError
from bot.text import _


def require_yes(question: str) -> None:
    """Ask, and return after a yes. Raises `CommandError` after a no, and where no person can be asked."""
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        raise CommandError(
            _("Nobody confirmed, so nothing was done."), _("Add --yes where nobody can be asked.")
        ) from None
    if not agreed:
        raise CommandError(_("Nothing was done."), code=EXIT_FAILURE)
