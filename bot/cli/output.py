"""Output of commands, and the codes that they end with.

Tables are for people, JSON is for programs. Text from outside is data: no markup, no controls. An error is one clear
sentence with the next step, in place of a stack trace.
"""

import dataclasses
import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import wraps
from typing import Any, ParamSpec

import typer

from bot.cli.tables import fitted, one_line
from bot.text import _, local, number

EXIT_FAILURE, EXIT_USAGE = 1, 2
EXIT_NEWER = 78
"""Exit code before data of a newer version (EX_CONFIG). A service manager must not start the bot again."""
P = ParamSpec("P")
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
COLOURS = {"✓": "green", "⚠": "yellow", "✗": "red"}
"""Colours of cells by the mark that they begin with, at a terminal."""


def clean(text: str) -> str:
    """Replace control characters and bidi overrides, which could drive a terminal or reverse the line."""
    return "".join(
        c if c == "\n" or (unicodedata.category(c) not in ("Cc", "Cs") and c not in BIDI_CONTROLS) else "\ufffd"
        for c in text
    )


def say(*lines: str) -> None:
    """Print lines or paragraphs of the result."""
    for line in lines:
        typer.echo(clean(line))


def warn(text: str) -> None:
    """Print to standard error, so that a program reads nothing but the result."""
    typer.echo(clean(text), err=True)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str = "", empty: str = "") -> None:
    """Print a table, or the sentence `empty` in place of one without rows.

    A terminal gets columns that fit it, and neither a word nor a command is broken. A pipe gets one line a row.
    """
    if empty and not rows:
        say(empty)
        return
    if title:
        say(title)
    shown = [[clean(cell) for cell in row] for row in rows]
    width = terminal_width()
    lines = one_line(columns, shown) if width is None else fitted(columns, shown, width, paint)
    for line in lines:
        typer.echo(line)


def terminal_width() -> int | None:
    """Return the columns of the terminal that shows the result, or None where it goes to a file or program."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def paint(cell: str, piece: str) -> str:
    """Return a piece of a cell in the colour of the cell's mark: good, not seen, fault."""
    colour = COLOURS.get(cell[:1])
    plain_text = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return piece if colour is None or plain_text else typer.style(piece, fg=colour)


def finish(value: Any, show: Callable[[], None], *, as_json: bool, good: bool = True) -> None:
    """Print a result as JSON or for people, and end the command with 1 unless the result is good."""
    if as_json:
        text = json.dumps(value, default=plain, ensure_ascii=False, indent=2)
        typer.echo(text.encode(errors="replace").decode())  # half an emoji in a name has no encoding
    else:
        show()
    if not good:
        raise typer.Exit(EXIT_FAILURE)


def show_csv(lines: Iterable[str]) -> None:
    """Print a CSV file line by line; formulas in it are escaped where the lines are made."""
    sys.stdout.writelines(lines)
    sys.stdout.flush()


def plain(value: Any) -> Any:
    """Return a value that JSON does not know as one that it knows. Decimals stay exact, as text."""
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, set | frozenset):
        return list(value)
    return value.isoformat() if isinstance(value, date) else str(value)  # a refusal states its code and facts


def moment(at: datetime | None, zone: str) -> str:
    """Return a time in a time zone, with the zone's short name; empty for None."""
    return local(at, zone) if at else ""


def money(values: Mapping[str, Decimal]) -> str:
    """Return values by currency: `12,000.00 EUR + 300.00 USD`."""
    return " + ".join(f"{number(value, ',.2f')} {currency}".strip() for currency, value in sorted(values.items()))


@dataclasses.dataclass(eq=False)
class CommandError(Exception):
    """A command cannot continue. `said` states the fault, `todo` the next step."""

    said: str
    todo: str = ""
    code: int = EXIT_USAGE
    name: str = ""
    """Word for programs; empty: by the exit code."""


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Turn every exception of a command into a sentence and an exit code."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (typer.Exit, BrokenPipeError):
            raise
        except typer.Abort as error:
            if not kwargs.get("as_json"):
                raise
            show_error(CommandError(_("Nothing was done."), code=EXIT_FAILURE, name="aborted"), as_json=True)
            raise typer.Exit(EXIT_FAILURE) from error
        except (Exception, SystemExit) as error:  # code of another package may end the program with 0
            if os.environ.get("HANDOVER_DEBUG") and not isinstance(error, CommandError):
                raise
            from bot.cli.explanations import explain  # noqa: PLC0415 - knows every library whose errors end a command

            end = explain(error)
            show_error(end, as_json=bool(kwargs.get("as_json")))
            raise typer.Exit(end.code) from error

    return run


def show_error(end: CommandError, *, as_json: bool) -> None:
    """Print the end of a command to standard error: for people, or as one line of JSON."""
    if as_json:
        name = end.name or ("failed" if end.code == EXIT_FAILURE else "usage")
        error = {"code": name, "message": end.said, "next": end.todo}
        warn(json.dumps({"error": error}, ensure_ascii=False))
        return
    warn(f"handover: {end.said}")
    if end.todo:
        warn(end.todo)
