"""A CSV file that assigns clients or records to successors: read whole, or refused with every fault by line.

The file that a proposal is downloaded as can be changed and handed in again. A line names a record by `id`, or a client
by `client id` or by `client`; `address` is the successor's e-mail address, and a line without one says nothing.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from config.text import _
from workflows.clients.views import LineFault
from workflows.csv_cells import unescape_cell

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
}
"""The names of each column; the first that a file has counts."""


class InvalidAssignmentFile(Exception):
    """The file cannot be used; `faults` has a sentence for each line."""

    def __init__(self, faults: Sequence[LineFault]) -> None:
        super().__init__("\n".join(f"{one.line}: {one.what}" for one in faults[:5]))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class AssignmentRow:
    """One row: a record or a client, and the successor's address in lower case."""

    line: int
    system: str
    record: str
    client_id: str
    client: str
    address: str

    @property
    def name(self) -> str:
        """The most exact name in the row, as `FamilyTotals` finds it."""
        return self.record or self.client_id or self.client.casefold()


def read(data: bytes) -> tuple[AssignmentRow, ...]:
    """Return every row of the file. Raises `InvalidAssignmentFile` with every fault: no part is used alone."""
    rows, faults = read_valid_rows(data)
    refuse(faults)
    return rows


def read_valid_rows(data: bytes) -> tuple[tuple[AssignmentRow, ...], list[LineFault]]:
    """Return the rows that can be read, and the faults of other lines, so that all faults are reported at once.

    Raises `InvalidAssignmentFile` where no row can be read.
    """
    rows: list[AssignmentRow] = []
    faults: list[LineFault] = []
    named: dict[tuple[str, str], int] = {}
    for line, cells in _lines(_text(data)):
        row = AssignmentRow(line, **{key: cells.get(key, "") for key in COLUMNS})
        if row.address and (what := _fault(row, named)):
            faults.append(LineFault(line, what))
        elif row.address:
            named[row.system, row.name] = line
            rows.append(row)
    if not rows and not faults:
        faults.append(LineFault(0, _("no line names a successor: the column “address” is empty throughout")))
    if not rows:
        refuse(faults)
    return tuple(rows), faults


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


def _fault(row: AssignmentRow, named: dict[tuple[str, str], int]) -> str:
    if not row.name:
        return _("names neither a record (column “id”) nor a client (“client id” or “client”)")
    if "@" not in row.address or len(row.address.split()) != 1:
        return _("“{text}” is not an e-mail address").format(text=row.address[:80])
    if earlier := named.get((row.system, row.name)):
        return _("names the same as line {line}").format(line=earlier)
    return ""


def _text(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise InvalidAssignmentFile(
            [
                LineFault(
                    0,
                    _("the file has {size:,} MB, and at most {most} are read: split it").format(
                        size=len(data) // 2**20, most=MOST_BYTES // 2**20
                    ),
                )
            ]
        )
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        said = _(
            "is not UTF-8: save the file as “CSV UTF-8”. Older code pages such as Windows-1251 are not guessed "
            "at, because one name could be taken for another."
        )
        raise InvalidAssignmentFile([LineFault(data[: error.start].count(b"\n") + 1, said)]) from error
    if "\0" in text:
        raise InvalidAssignmentFile(
            [LineFault(text[: text.index("\0")].count("\n") + 1, _("is not text: this is no CSV file"))]
        )
    return text


def _lines(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each line's number and its cells by our names for the columns. Raises `InvalidAssignmentFile`."""
    first, _newline, rest = text.partition("\n")
    skipped = 0
    if first.strip().lower().startswith("sep="):  # what Excel writes to say the delimiter
        first, text, skipped = rest.partition("\n")[0], rest, 1
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    places: dict[str, int] | None = None
    line = 0
    try:
        for cells in reader:
            line, start = reader.line_num, line + 1
            if places is None:
                places = _places(cells, start + skipped)
            elif any(cell.strip() for cell in cells):
                yield start + skipped, {key: _cell(key, cells, place) for key, place in places.items()}
    except csv.Error as error:
        raise InvalidAssignmentFile(
            [LineFault(line + 1 + skipped, _("cannot be read as CSV: {why}").format(why=error))]
        ) from error
    if places is None:
        raise InvalidAssignmentFile([LineFault(0, _("the file is empty"))])


def _places(header: Sequence[str], line: int) -> dict[str, int]:
    titles = [title.strip().casefold() for title in header]
    places = {key: titles.index(name) for key, names in COLUMNS.items() for name in reversed(names) if name in titles}
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


def _cell(key: str, cells: Sequence[str], place: int) -> str:
    text = unescape_cell(cells[place]).strip() if place < len(cells) else ""
    return text.lower() if key == "address" else text
