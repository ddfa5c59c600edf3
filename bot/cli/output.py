"""Output of commands: tables for people, JSON for programs. Text from outside is data: no markup, no controls."""

import dataclasses
import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

import typer

BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
PIPE_WIDTH = 160
"""Characters of a table's line where no terminal sets a width."""


def clean(text: str) -> str:
    """Replace control characters and bidi overrides, which could drive a terminal or reverse the line."""
    return "".join(
        c if c == "\n" or (unicodedata.category(c) not in ("Cc", "Cs") and c not in BIDI_CONTROLS) else "\ufffd"
        for c in text
    )


def say(text: str) -> None:
    """Print one line or paragraph of the result."""
    typer.echo(clean(text))


def warn(text: str) -> None:
    """Print to standard error, so that a program reads nothing but the result."""
    typer.echo(clean(text), err=True)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> None:
    """Print a table. Long cells wrap, and are never cut short. In a pipe the table is plain text."""
    from rich import box  # noqa: PLC0415 - commands that print no table load no table library
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(
        title=Text(clean(title)) if title else None, box=box.SIMPLE_HEAD, title_justify="left", show_lines=False
    )
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(clean(cell)) for cell in row))
    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(table)


def show_json(value: Any) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))


def show_csv(lines: Iterable[str]) -> None:
    """Print a CSV file line by line; formulas in it are escaped where the lines are made."""
    sys.stdout.writelines(lines)
    sys.stdout.flush()


def plain(value: Any) -> Any:
    """Return a frozen value as JSON types. Decimals and times become text, so that nothing is rounded."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value if isinstance(value, str | int | float | None) else str(value)  # a refusal states its code and facts


def moment(at: datetime | None, zone: str) -> str:
    """Return a time in a time zone, with the zone's short name; empty for None."""
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z") if at else ""


def money(values: Mapping[str, Decimal]) -> str:
    """Return values by currency: `12,000.00 EUR + 300.00 USD`."""
    return " + ".join(f"{value:,.2f} {currency}".strip() for currency, value in sorted(values.items()))


def counts(values: Mapping[str, int]) -> str:
    """Return counts by record type: `12 opportunity, 3 account`. Types without records are left out."""
    return ", ".join(f"{number} {kind}" for kind, number in sorted(values.items()) if number) or "0"
