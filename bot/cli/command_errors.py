"""How a command ends: its exit code, and a clear sentence with what to do next in place of a stack trace."""

import os
from collections.abc import Callable
from functools import wraps
from typing import NoReturn, ParamSpec

import typer
from sqlalchemy.exc import SQLAlchemyError

from bot.cli.refusals import refused
from bot.text import N_, _
from config.settings import SettingsError
from connectors.errors import ConnectorError
from workflows.refusals import Refused
from workflows.storage.store import StorageFailed
from workflows.storage.vault import WrongKey

GOOD, EXIT_FAILURE, EXIT_USAGE = 0, 1, 2
P = ParamSpec("P")

MEANINGS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, str, int], ...] = (
    (
        SettingsError,
        N_("{error}"),
        N_("Correct these lines, then try again; `handover doctor` checks the rest."),
        EXIT_USAGE,
    ),
    (ConnectorError, N_("{error}."), N_("`handover doctor` checks every system."), EXIT_FAILURE),
    (
        (StorageFailed, SQLAlchemyError),
        N_("The data cannot be read or written: {error}."),
        N_("Nothing was half done. See that the disk has room and the database is up, then try again."),
        EXIT_FAILURE,
    ),
    (
        WrongKey,
        N_("The master key does not fit the stored data."),
        N_("Give storage.master_key the key that the data was written under."),
        EXIT_USAGE,
    ),
    (OSError, N_("{error}."), N_("`handover doctor` checks folder, disk and network."), EXIT_FAILURE),
)


class CommandError(Exception):
    """A command cannot go on: what is wrong, and what to do next."""

    def __init__(self, said: str, todo: str = "", code: int = EXIT_USAGE) -> None:
        super().__init__(said)
        self.said = said
        self.todo = todo
        self.code = code


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Turn every exception of a command into a sentence and an exit code."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if os.environ.get("HANDOVER_DEBUG"):
                raise
            _say(explain(error))

    return run


def explain(error: Exception) -> CommandError:
    """Say what an error means to the person at the terminal. Pure."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, Refused):
        return CommandError(refused(error))
    for kinds, said, todo, code in MEANINGS:
        if isinstance(error, kinds):
            # A database error's own text repeats the statement with its values; the driver's says what is wrong.
            text = str(getattr(error, "orig", None) or error).rstrip(".")
            return CommandError(_(said).format(error=text), _(todo), code)
    return CommandError(
        _("This should not happen: {kind}: {error}").format(kind=type(error).__name__, error=error),
        _("Please report it, with what HANDOVER_DEBUG=1 shows."),
        EXIT_FAILURE,
    )


def _say(stop: CommandError) -> NoReturn:
    typer.echo(f"handover: {stop.said}", err=True)
    if stop.todo:
        typer.echo(stop.todo, err=True)
    raise typer.Exit(stop.code)
