"""Exports in the server's log. Pure except for reading the files.

Tryton's dispatcher logs every call in one line: time, level, model, method, arguments, log-in, address, duration
(trytond 8.2 protocols/dispatcher.py). `trytond.wsgi` adds a line with the user's id. A failed call is at ERROR, or at
INFO with a traceback after it. No data left the server, so it is no export. Arguments are complete only if the
dispatcher's logger is at DEBUG; otherwise lists end in `...` after five.
"""

import ast
import bz2
import gzip
import lzma
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from pathlib import Path
from typing import Any

from config.text import _, ngettext
from connectors.contract import ExportEvent
from connectors.errors import Unavailable

_LINE = re.compile(
    r"^(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) (?P<level>[A-Z]+) trytond\.protocols\.dispatcher "
    r"(?P<model>[\w.]+)\.(?P<method>export_data|export_data_domain)(?P<arguments>\(.*\)) "
    r"from (?P<login>.*)@(?P<address>[^@\s]*?)(?P<path>/\S*) in \d+ ms$"
)
_SERVED = re.compile(
    r"^(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) INFO trytond\.wsgi "
    r"<JSONRequest (?:(?P<user>\d+)@)?\S+ '.*' \[POST\] model\.(?P<call>[\w.]+)> in \d+ ms$"
)
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}")
DISPATCHER = " trytond.protocols.dispatcher "
"""The name in each line about a call."""
TAIL_BYTES, FIRST_LINES = 2**20, 1000
EPOCH = datetime.fromtimestamp(0, UTC)
_UNREAD = re.compile(r"\.export_data(_domain)?\(.* from (?P<login>.*)@\S* in \d+ ms$")
"""An export in a line of another form: another format of the log has lines that `_LINE` does not know."""
SOON = timedelta(minutes=1)
"""Time after the dispatcher's line until the answer is expected. Lines without an answer outlive it."""
_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


@dataclass(frozen=True, slots=True)
class Export:
    """One line about an export; `failed` if this line or the next one reports a failure."""

    at: datetime
    login: str
    model: str
    method: str
    arguments: str
    failed: bool = False

    @property
    def call(self) -> str:
        """Return the method as a client calls it."""
        return f"{self.model}.{self.method}"


def files(log: Path, since: datetime) -> list[Path]:
    """Return the log and its rotated files, oldest first, without files last written before `since`."""
    found = [(path.stat().st_mtime, path) for path in log.parent.glob(f"{log.name}*") if path.is_file()]
    return [path for written, path in sorted(found) if written >= since.timestamp()]


def lines(paths: Iterable[Path]) -> Iterator[str]:
    """Stream the lines of several files, including packed ones."""
    for path in paths:
        with _OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8", errors="replace") as stream:
            yield from stream


def shows_calls(path: Path, login: str) -> bool:
    """Return whether the end of a log has calls of a log-in that has just called: it is the log of this server."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - TAIL_BYTES))
        end = stream.read().decode("utf-8", "replace")
    return any(f" from {login}@" in line for line in end.splitlines() if DISPATCHER in line)


def begin(log: Path, zone: tzinfo) -> datetime | None:
    """Return the time of the first line of the oldest file that has one; None if no line has a time."""
    for line in islice(lines(files(log, EPOCH)), FIRST_LINES):
        if found := _TIME.match(line):
            return _moment(found[0], zone)
    return None


def exports(source: Iterable[str], zone: tzinfo, login: str, user: int) -> Iterator[Export]:
    """Yield one user's exports in a log's lines.

    The log-in in a dispatcher's line is only the client's claim. The user id in the answer's line by `trytond.wsgi` is
    proven. So an export waits for its second line. Without one, as for a session in a cookie, the log-in decides.
    Raises `Unavailable` at the end if exports under that log-in stand in lines of another form.
    """
    # Exports without an answer stay in the list: one entry each, and only in logs without lines by trytond.wsgi.
    waiting: list[Export] = []
    last: Export | None = None
    unread = 0
    for line in source:
        if last and line.startswith("Traceback "):
            waiting[-1] = replace(last, failed=True)
        last = parse(line, zone)
        if last:
            waiting.append(last)
        elif ".export_data" in line and (found := _UNREAD.search(line.rstrip("\n"))) and found["login"] == login:
            unread += 1
        elif waiting and (served := _SERVED.match(line)):
            oldest, proven = _moment(served["at"], zone) - SOON, served["user"]
            candidates = [export for export in waiting if export.at >= oldest and export.call == served["call"]]
            export = _belonging(candidates, proven, login, user)
            if export:
                waiting.remove(export)
            if export and not export.failed and (proven == str(user) if proven else export.login == login):
                yield export
    yield from (export for export in waiting if export.login == login and not export.failed)
    if unread:
        text = ngettext(
            "{count} line about an export by {login} has an unknown form; is the log's format the usual one?",
            "{count} lines about exports by {login} have an unknown form; is the log's format the usual one?",
            unread,
        )
        raise Unavailable(text.format(count=unread, login=login))


def _belonging(candidates: list[Export], proven: str | None, login: str, user: int) -> Export | None:
    """Return the export that an answer belongs to: the first whose name goes with the id, else the first."""
    fitting = (export for export in candidates if (export.login == login) is (proven == str(user)))
    return next(fitting, next(iter(candidates), None))


def parse(line: str, zone: tzinfo) -> Export | None:
    """Read one line by the dispatcher; None for any other line."""
    if ".export_data" not in line:
        return None
    found = _LINE.match(line.rstrip("\n"))
    if found is None:
        return None
    return Export(
        at=_moment(found["at"], zone),
        login=found["login"],
        model=found["model"],
        method=found["method"],
        arguments=found["arguments"],
        failed=found["level"] != "INFO",
    )


def _moment(text: str, zone: tzinfo) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S,%f").replace(tzinfo=zone).astimezone(UTC)


def event(export: Export, login: str) -> ExportEvent:
    """Return an export as the contract has it; the number is None if the log lacks some ids.

    `login` is the user's own: an export under another name gives that name in `detail`.
    """
    arguments = _arguments(export.arguments)
    ids = _ids(arguments) if export.method == "export_data" else None
    # Records are named as `RecordId` has them: opportunities are the book's own.
    kind = "opportunity" if export.model == "sale.opportunity" else export.model
    named = frozenset(f"{kind}:{number}" for number in ids or ())
    detail = _detail(export, arguments, known=ids is not None)
    if export.login != login:
        detail += _("; under the name of {login}").format(login=export.login)
    return ExportEvent(export.at, login, export.model, None if ids is None else len(ids), named, detail)


def _arguments(text: str) -> tuple[Any, ...]:
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return ()
    return found if isinstance(found, tuple) else (found,)


def _ids(arguments: tuple[Any, ...]) -> list[int] | None:
    first = arguments[0] if arguments else None
    return first if isinstance(first, list) and all(isinstance(one, int) for one in first) else None


def _detail(export: Export, arguments: tuple[Any, ...], *, known: bool) -> str:
    fields = arguments[1] if len(arguments) > 1 and isinstance(arguments[1], list) else []
    names = ", ".join(str(field) for field in fields if field is not ...)
    parts = [_("fields: {names}").format(names=names) + (_(" and more") if ... in fields else "")] if fields else []
    if export.method == "export_data_domain":
        parts.append(_("a whole list; the log does not say how many"))
    elif not known:
        parts.append(_("the log does not have every id"))
    return "; ".join(parts)
