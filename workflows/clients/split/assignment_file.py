"""A CSV file that assigns clients or records to successors: read whole, or refused with every fault by line.

The file that a proposal is downloaded as can be changed and handed in again. A line names a record by `id`, or a client
by `client id` or by `client`. `address` is the successor's e-mail address. A line without one changes nothing.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from config.identifiers import address_or_nothing, plain, visible
from config.text import _, shown
from workflows.clients.views import LineFault
from workflows.csv_cells import unescape_cell
from workflows.people import Successor

MOST_BYTES = 20 * 2**20
MOST_FAULTS = 1000
"""The most faults that are reported; the last one says that there are more."""
DELIMITERS = ",;\t"
COLUMNS = {
    "system": ("system",),
    "record": ("id", "record id"),
    "client_id": ("client id",),
    "client": ("client", "company", "account"),
    "address": ("address", "e-mail", "email", "successor address", "successor"),
    "version": ("version",),
}
"""The names of each column; the first that a file has counts."""


class InvalidAssignmentFile(Exception):
    """The file cannot be used; `faults` has a sentence for each line."""

    def __init__(self, faults: Sequence[LineFault]) -> None:
        super().__init__("\n".join(f"{fault.line}: {fault.what}" for fault in faults[:5]))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class AssignmentRow:
    """One row: a record or a client, and the successor's address in lower case.

    `version`: the proposal that the file was downloaded from, or empty.
    """

    line: int
    system: str
    record: str
    client_id: str
    client: str
    address: str
    version: str = ""

    @property
    def name(self) -> str:
        """The most exact name in the row, as `FamilyTotals` finds it."""
        return self.record or self.client_id or self.client.casefold()

    @property
    def shown_name(self) -> str:
        """The same for a person to read, shortened."""
        return (self.record or self.client_id or self.client)[:80]


def read(data: bytes) -> tuple[AssignmentRow, ...]:
    """Return every row of the file. Raises `InvalidAssignmentFile` with every fault: no part is used alone."""
    rows, faults = read_valid_rows(data)
    refuse(faults)
    return rows


def read_valid_rows(data: bytes) -> tuple[tuple[AssignmentRow, ...], list[LineFault]]:
    """Return the rows that can be read, and the faults of other lines, so that all faults are reported at once.

    Raises `InvalidAssignmentFile` where no row can be read.
    """
    rows: dict[tuple[str, str], AssignmentRow] = {}
    faults: list[LineFault] = []
    for line, cells, torn in _lines(_text(data)):
        if torn:
            faults.append(LineFault(line, torn))
            continue
        row = AssignmentRow(line, **{key: cells.get(key, "") for key in COLUMNS})
        if row.address and (fault := _fault(row, rows)):
            faults.append(LineFault(line, fault))
        elif row.address:
            rows[row.system, row.name] = row
    if not rows:
        empty = LineFault(0, _("no line names a successor: the column “address” is empty throughout"))
        refuse(faults or [empty])
    return tuple(rows.values()), faults


def addresses(rows: Sequence[AssignmentRow]) -> tuple[str, ...]:
    """Return every address in the file, each once."""
    return tuple(dict.fromkeys(row.address for row in rows))


def refuse(faults: Sequence[LineFault]) -> None:
    """Raise `InvalidAssignmentFile` where there is any fault, up to `MOST_FAULTS`, by line."""
    faults = sorted(faults, key=lambda fault: fault.line)
    if len(faults) > MOST_FAULTS:
        more = _("and {count:,} more lines are at fault").format(count=len(faults) - MOST_FAULTS)
        raise InvalidAssignmentFile([*faults[:MOST_FAULTS], LineFault(faults[MOST_FAULTS].line, more)])
    if faults:
        raise InvalidAssignmentFile(faults)


def _fault(row: AssignmentRow, rows: Mapping[tuple[str, str], AssignmentRow]) -> str:
    if not row.name:
        return _("names neither a record (column “id”) nor a client (“client id” or “client”)")
    if not address_or_nothing(row.address):
        return _("“{text}” is not an e-mail address").format(text=row.address[:80])
    if earlier := rows.get((row.system, row.name)):
        return _("names the same as line {line}").format(line=earlier.line)
    return ""


def ambiguous(clients: int) -> str:
    """Return the fault of a row whose name several clients have."""
    return _("{count} clients have this name: name them by “client id”").format(count=clients)


def cannot_own(row: AssignmentRow, why: str) -> str:
    """Return the fault of a row whose successor cannot own the client's records."""
    return _("{address} cannot own this client's records: {why}").format(address=row.address, why=shown(why))


def contradiction(row: AssignmentRow, other: str, line: int) -> str:
    """Return the fault of a row that gives a client away which an earlier line gives to another successor."""
    fault = _("gives a client to {one} that line {line} gives to {other}: a client stays whole")
    return fault.format(one=row.address, line=line, other=other)


def stale(rows: Sequence[AssignmentRow], version: str) -> list[LineFault]:
    """Return the fault of the first row that was downloaded from another version of the proposal."""
    fault = _("is of version {old}, and the proposal is at version {new} now: download it again")
    old = (row for row in rows if row.version not in ("", version))
    return [LineFault(row.line, fault.format(old=row.version[:20], new=version)) for row in islice(old, 1)]


def strangers(rows: Sequence[AssignmentRow], successors: Sequence[Successor]) -> list[LineFault]:
    """Return the faults of rows that name none of the successors."""
    known = {successor.key for successor in successors}
    fault = _("{address} is not among those who receive clients")
    return [LineFault(row.line, fault.format(address=row.address[:80])) for row in rows if row.address not in known]


def _text(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        fault = _("the file has {size:,} MB, and at most {most} are read: split it")
        size, most = len(data) // 2**20, MOST_BYTES // 2**20
        raise InvalidAssignmentFile([LineFault(0, fault.format(size=size, most=most))])
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        fault = _(
            "is not UTF-8: save the file as “CSV UTF-8”. Older code pages such as Windows-1251 are not guessed "
            "at, because one name could be taken for another."
        )
        raise InvalidAssignmentFile([LineFault(data[: error.start].count(b"\n") + 1, fault)]) from error
    if "\0" in text:
        raise InvalidAssignmentFile(
            [LineFault(text[: text.index("\0")].count("\n") + 1, _("is not text: this is no CSV file"))]
        )
    return text


def _lines(text: str) -> Iterator[tuple[int, dict[str, str], str]]:
    """Yield each line's number, its cells by our names for the columns, and its fault if it has too many or too few.

    Raises `InvalidAssignmentFile`. A quotation mark that is never closed is a fault, since it would swallow lines.
    """
    first, _newline, rest = text.partition("\n")
    skipped = 0
    if first.strip().lower().startswith("sep="):  # what Excel writes to say the delimiter
        first, text, skipped = rest.partition("\n")[0], rest, 1
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    places: dict[str, int] | None = None
    width = 0
    line = 0
    try:
        for cells in reader:
            line, start = reader.line_num, line + 1
            if places is None:
                places, width = _places(cells, start + skipped), len(cells)
            elif any(cell.strip() for cell in cells):
                texts = {
                    key: unescape_cell(cells[place]).strip() for key, place in places.items() if place < len(cells)
                }
                torn = _torn(cells, width, places["address"])
                yield start + skipped, {**texts, "address": _address(texts.get("address", ""))}, torn
    except csv.Error as error:
        raise InvalidAssignmentFile(
            [LineFault(line + 1 + skipped, _("cannot be read as CSV: {why}").format(why=error))]
        ) from error
    if places is None:
        raise InvalidAssignmentFile([LineFault(0, _("the file is empty"))])


def _torn(cells: Sequence[str], width: int, address: int) -> str:
    if any(cell.strip() for cell in cells[width:]):
        return _("has more cells than the heading: a name with the delimiter in it needs quotation marks")
    return _("ends before the column “address”") if len(cells) <= address else ""


def _address(cell: str) -> str:
    """Return the address in a cell in lower case, or the cell's text, which is then a fault of its line."""
    return plain(address_or_nothing(cell) or visible(cell))


def _places(header: Sequence[str], line: int) -> dict[str, int]:
    titles = [title.strip().casefold() for title in header]
    used = {key: next((name for name in names if name in titles), "") for key, names in COLUMNS.items()}
    if twice := [name for name in used.values() if titles.count(name) > 1 and name]:
        fault = _("has the column “{name}” twice: leave the one that counts").format(name=twice[0])
        raise InvalidAssignmentFile([LineFault(line, fault)])
    places = {key: titles.index(name) for key, name in used.items() if name}
    if "address" not in places or not places.keys() & {"record", "client_id", "client"}:
        raise InvalidAssignmentFile(
            [
                LineFault(
                    line,
                    _(
                        "has no heading that says whom: there must be a column “address” for the successor's e-mail "
                        "address, and one of “id” (a record), “client id” and “client”"
                    ),
                )
            ]
        )
    return places
