"""Layouts of tables in plain text: aligned columns, wrapped columns, or one block a row where columns do not fit."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from bot.text import punctuated

GAP = "  "
WIDE = frozenset("WF")
PIECE = re.compile(r"(\s*)(`[^`]*`|[ᄀ-ᅟ⺀-꓏가-힣豈-﫿︰-﹏＀-｠￠-￦]|[^\s⺀-꓏豈-﫿＀-｠]+|$)")
"""Piece of a cell that stays on one line: a word, a command in backticks, or one Chinese character."""


def cells(text: str) -> int:
    """Return the number of terminal columns that a text takes. Pure."""
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in WIDE) for char in text)


def one_line(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table with one line a row, for a pipe. Pure."""
    flat = [[re.sub(r"\s*\n\s*", "; ", cell.strip()) for cell in row] for row in (columns, *rows)]
    widths = [max(map(cells, column)) for column in zip(*flat, strict=True)]
    return (_line(row, widths) for row in flat)


def fitted(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    paint: Callable[[str, str], str] = lambda _cell, piece: piece,
) -> Iterator[str]:
    """Yield a table for a terminal. No word is broken: rows that fit no columns are blocks. Pure.

    `paint` gets a cell and one of its pieces.
    """
    room = width - len(GAP) * (len(columns) - 1)
    aligned = _fitting(columns, rows, room)
    if 2 * len(aligned) < len(rows):
        yield from _blocks(columns, rows, width, paint)
        return
    table = [columns, *(rows[number] for number in sorted(aligned))]
    natural = [max(cells(line) for cell in column for line in cell.split("\n")) for column in zip(*table, strict=True)]
    least = [max(_longest(cell) for cell in column) for column in zip(*table, strict=True)]
    most = max(n for n in range(1, width + 1) if n == 1 or sum(_bounded(natural, least, n)) <= room)
    widths = _bounded(natural, least, most)
    for number, row in enumerate([columns, *rows]):
        if number and number - 1 not in aligned:
            yield from ("", *_blocks(columns, [row], width, paint), "")
            continue
        wrapped = [_wrap(cell, size) for cell, size in zip(row, widths, strict=True)]
        for line in range(max(map(len, wrapped))):
            pieces = [lines[line] if line < len(lines) else "" for lines in wrapped]
            yield _line(pieces, widths, row, paint)
        if number == 0:
            yield GAP.join("─" * size for size in widths)


def _fitting(columns: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> frozenset[int]:
    """Return the numbers of the rows whose longest words have room side by side, those with short words first."""
    taken, least = [], [_longest(cell) for cell in columns]
    words = {number: [_longest(cell) for cell in row] for number, row in enumerate(rows)}
    for number in sorted(words, key=lambda one: sum(words[one])):
        wider = list(map(max, least, words[number]))
        if sum(wider) > room:
            break
        least = wider
        taken.append(number)
    return frozenset(taken) if sum(least) <= room else frozenset()


def _bounded(natural: Sequence[int], least: Sequence[int], most: int) -> list[int]:
    return [min(wanted, max(needed, most)) for wanted, needed in zip(natural, least, strict=True)]


def _blocks(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int, paint: Callable[[str, str], str]
) -> Iterator[str]:
    """Yield `Column: cell` for each cell that is not empty, and an empty line between rows."""
    for number, row in enumerate(rows):
        if number:
            yield ""
        for column, cell in zip(columns, row, strict=True):
            if cell:
                head = column + punctuated(": ") if column else ""
                first, *more = _wrap(head + cell, width, indent="    ")
                yield head + paint(cell, first[len(head) :]) if first[len(head) :] else head.rstrip()
                yield from ("    " + paint(cell, line) for line in more)


def _line(
    pieces: Sequence[str],
    widths: Sequence[int],
    row: Sequence[str] = (),
    paint: Callable[[str, str], str] = lambda _cell, piece: piece,
) -> str:
    painted = [
        (paint(cell, piece) if piece else "") + " " * (size - cells(piece))
        for cell, piece, size in zip(row or pieces, pieces, widths, strict=True)
    ]
    return GAP.join(painted).rstrip()


def _longest(cell: str) -> int:
    return max(cells(piece) for _space, piece in PIECE.findall(cell))


def _wrap(cell: str, width: int, indent: str = "") -> list[str]:
    """Return the lines of a cell. `indent`: what stands before each line after the first, and takes room there."""
    found: list[str] = []
    for text in cell.split("\n"):
        line = ""
        for space, piece in PIECE.findall(text):
            room = width - (len(indent) if found else 0)
            if line and piece and cells(line + space + piece) > room:
                found.append(line)
                line = piece
            elif piece:
                line += space + piece
        found.append(line)
    return found
