"""Exports in the server's log. Pure but for reading the files.

Tryton's dispatcher logs every call in one line: when, level, model, method, arguments, log-in, address, duration
(trytond 8.2 protocols/dispatcher.py). A call that failed is at ERROR, or at INFO with a traceback after it: no data
left the server, so it is no export. Arguments are in full only where that logger is at DEBUG; else lists end in `...`
after five.
"""

import ast
import bz2
import gzip
import lzma
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from connectors.contract import ExportEvent

_LINE = re.compile(
    r"^(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) (?P<level>[A-Z]+) trytond\.protocols\.dispatcher "
    r"(?P<model>[\w.]+)\.(?P<method>export_data|export_data_domain)(?P<arguments>\(.*\)) "
    r"from (?P<login>.*)@(?P<address>[^@\s]*?)(?P<path>/\S*) in \d+ ms$"
)
_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


@dataclass(frozen=True, slots=True)
class Export:
    """One line about an export that went well."""

    at: datetime
    login: str
    model: str
    method: str
    arguments: str


def files(log: Path, since: datetime) -> list[Path]:
    """Return the log and its rotated files, oldest first, without those that were last written before `since`."""
    found = [(path.stat().st_mtime, path) for path in log.parent.glob(f"{log.name}*") if path.is_file()]
    return [path for written, path in sorted(found) if written >= since.timestamp()]


def lines(paths: Iterable[Path]) -> Iterator[str]:
    """Stream the lines of several files, packed ones too."""
    for path in paths:
        with _OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8", errors="replace") as stream:
            yield from stream


def exports(source: Iterable[str], zone: tzinfo) -> Iterator[Export]:
    """Yield the exports in a log's lines."""
    pending: Export | None = None
    for line in source:
        if pending and not line.startswith("Traceback "):
            yield pending
        pending = parse(line, zone)
    if pending:
        yield pending


def parse(line: str, zone: tzinfo) -> Export | None:
    """Read one line; None where it is about something else or says that the call failed."""
    if ".export_data" not in line:
        return None
    found = _LINE.match(line.rstrip("\n"))
    if found is None or found["level"] != "INFO":
        return None
    at = datetime.strptime(found["at"], "%Y-%m-%d %H:%M:%S,%f").replace(tzinfo=zone).astimezone(UTC)
    return Export(at, found["login"], found["model"], found["method"], found["arguments"])


def event(export: Export) -> ExportEvent:
    """Return an export as the contract has it; the number is None where the log does not have every id."""
    arguments = _arguments(export.arguments)
    ids = _ids(arguments) if export.method == "export_data" else None
    named = frozenset(f"{_kind(export.model)}:{number}" for number in ids or ())
    detail = _detail(export, arguments, known=ids is not None)
    return ExportEvent(export.at, export.login, export.model, None if ids is None else len(ids), named, detail)


def _kind(model: str) -> str:
    """Return the record type by which `RecordId` names it: opportunities are the book's own."""
    return "opportunity" if model == "sale.opportunity" else model


def _arguments(text: str) -> tuple[Any, ...]:
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return ()
    return found if isinstance(found, tuple) else (found,)


def _ids(arguments: tuple[Any, ...]) -> list[int] | None:
    first = arguments[0] if arguments else None
    if not isinstance(first, list) or not all(isinstance(one, int) for one in first):
        return None
    return first


def _detail(export: Export, arguments: tuple[Any, ...], *, known: bool) -> str:
    fields = arguments[1] if len(arguments) > 1 and isinstance(arguments[1], list) else []
    said = ", ".join(str(field) for field in fields if field is not ...)
    parts = [f"fields: {said}" + (" and more" if ... in fields else "")] if fields else []
    if export.method == "export_data_domain":
        parts.append("a whole list; the log does not say how many")
    elif not known:
        parts.append("the log does not have every id")
    return "; ".join(parts)
