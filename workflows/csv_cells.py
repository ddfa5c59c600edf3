"""CSV text: escapes cells against formula injection, streams rows, and unescapes cells that are read back.

A spreadsheet recognises a formula by the first visible character (OWASP, "CSV injection"). An apostrophe before the
cell makes it text.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence

UNSEEN = (
    "\x00-\x20\x7f-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u1680\u17b4\u17b5"
    "\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Spaces, control and format characters, and others without a shape, as ranges of a regular expression."""
SIGNS = "=+\\-@\u2212\u207a-\u207c\u208a-\u208c\ufe62\ufe63\ufe66\ufe6b\uff1d\uff0b\uff0d\uff20"
"""The signs that begin a formula, also full-width, small, raised and lowered."""
BREAKS = "\t\r\n"
"""Characters at which a spreadsheet may begin a new cell, so that no cell may begin with one."""
FORMULA = re.compile(f"'*(?:[{BREAKS}]|[{UNSEEN}]*[{SIGNS}])")


def escape_cell(text: str) -> str:
    """Return the text in a form that a spreadsheet shows and does not run.

    Apostrophes before a formula are escaped too, so that `unescape_cell` restores every text.
    """
    return f"'{text}" if FORMULA.match(text) else text


def unescape_cell(text: str) -> str:
    """Return the text that `escape_cell` was given."""
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def csv_lines(*parts: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the rows of every part as lines of a CSV file, each cell escaped. Only one row is in memory at a time."""
    write = csv.writer(_Line()).writerow
    for rows in parts:
        for row in rows:
            yield str(write([escape_cell(str(cell)) for cell in row]))


class _Line:
    """File that returns each line that is written."""

    def write(self, line: str) -> str:
        return line
