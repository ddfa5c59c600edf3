"""The end of a command: an exit code, and one clear sentence with the next step in place of a stack trace."""

import os
from collections.abc import Callable
from functools import wraps
from typing import NoReturn, ParamSpec

import typer

GOOD, EXIT_FAILURE, EXIT_USAGE = 0, 1, 2
P = ParamSpec("P")


class CommandError(Exception):
    """A command cannot continue. `said` states the fault, `todo` the next step."""

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
        except CommandError as error:
            _end(error)
        except Exception as error:
            if os.environ.get("HANDOVER_DEBUG"):
                raise
            from bot.cli.explanations import explain  # noqa: PLC0415 - knows every library whose errors end a command

            _end(explain(error))

    return run


def _end(error: CommandError) -> NoReturn:
    typer.echo(f"handover: {error.said}", err=True)
    if error.todo:
        typer.echo(error.todo, err=True)
    raise typer.Exit(error.code)
