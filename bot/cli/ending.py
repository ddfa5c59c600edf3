"""How a command ends: its exit code, and a clear sentence with what to do next in place of a stack trace."""

import os
from collections.abc import Callable
from functools import wraps
from typing import NoReturn, ParamSpec

import typer

from bot.cli.refusals import refused
from bot.text import _
from config.settings import SettingsError
from connectors.errors import ConnectorError
from workflows.refusals import Refused
from workflows.store import StorageFailed
from workflows.vault import WrongKey

GOOD, NOT_GOOD, WRONG_USE = 0, 1, 2
P = ParamSpec("P")


class Stop(Exception):
    """A command cannot go on: what is wrong, and what to do next."""

    def __init__(self, said: str, todo: str = "", code: int = WRONG_USE) -> None:
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


def explain(error: Exception) -> Stop:
    """Say what an error means to the person at the terminal. Pure."""
    match error:
        case Stop():
            return error
        case SettingsError():
            return Stop(str(error), _("Correct these lines, then try again; `handover doctor` checks the rest."))
        case Refused():
            return Stop(refused(error))
        case ConnectorError():
            return Stop(str(error), _("`handover doctor` checks every system."), NOT_GOOD)
        case StorageFailed():
            return Stop(_("The data cannot be written: {error}.").format(error=error),
                        _("Nothing was half done. Make room or give the folder back its rights, then try again."), NOT_GOOD)
        case WrongKey():
            return Stop(_("The master key does not fit the stored data."),
                        _("Give storage.master_key the key that the data was written under."))
        case OSError():
            return Stop(str(error), _("`handover doctor` checks folder, disk and network."), NOT_GOOD)
        case _:
            return Stop(_("This should not happen: {kind}: {error}").format(kind=type(error).__name__, error=error),
                        _("Please report it, with what HANDOVER_DEBUG=1 shows."), NOT_GOOD)


def _say(stop: Stop) -> NoReturn:
    typer.echo(f"handover: {stop.said}", err=True)
    if stop.todo:
        typer.echo(stop.todo, err=True)
    raise typer.Exit(stop.code)
