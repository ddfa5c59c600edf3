"""Cells of CSV files: nothing that is written runs in a spreadsheet, and everything is read back as it went."""

import csv
import io
import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workflows.csv_cells import csv_lines, escape_cell, unescape_cell

SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫"
SHAPELESS = "\u034f\u115f\u1160\u2800\u3164\ufe0f\uffa0"
"""Without a shape, and in no category of spaces, control or format characters."""
UNSEEN = [
    chr(code)
    for code in range(sys.maxunicode + 1)
    if unicodedata.category(chr(code)) in ("Cc", "Cf", "Zs", "Zl", "Zp") or chr(code) in SHAPELESS
]
FORMULAS = [
    *(f"{before}{sign}1+1" for sign in SIGNS for before in ("", " ", "\u00a0", "\u3000", "\u200b", "\u200e", "\u202e")),
    *(f"{before}=1" for before in ("\v", "\f", "\0", "\n", "\r", "\t", "\ufeff", "\u2066 \u200d", "\r\n \0")),
]
TEXTS = st.text() | st.tuples(
    st.text(st.sampled_from([*UNSEEN, "'"]), max_size=4), st.sampled_from(SIGNS), st.text()
).map("".join)


def begins_formula(cell: str) -> bool:
    """Return whether a spreadsheet that drops all that cannot be seen would run the cell."""
    shown = cell.lstrip("".join(UNSEEN))
    return unicodedata.normalize("NFKC", shown[:1]) in ("=", "+", "-", "@") or cell[:1] in ("\t", "\r", "\n")


@given(TEXTS)
@example("'=1")
@example("''=1")
@example("' =1")
@example("'s-Hertogenbosch")
def test_any_text_comes_back_and_is_no_formula(text: str) -> None:
    written = escape_cell(text)

    assert unescape_cell(written) == text
    assert not begins_formula(written)


@given(st.lists(st.lists(TEXTS, min_size=1), min_size=1))
def test_any_table_comes_back_from_a_file(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO("".join(csv_lines(rows)), newline="")))

    assert not [cell for row in read for cell in row if begins_formula(cell)]
    assert [[unescape_cell(cell) for cell in row] for row in read] == rows


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_escaped_by_an_apostrophe(text: str) -> None:
    assert escape_cell(text) == f"'{text}"


def test_every_unseen_character_is_looked_through() -> None:
    assert not [unseen for unseen in UNSEEN if escape_cell(f"{unseen}=1") != f"'{unseen}=1"]


@pytest.mark.parametrize("text", ["", "'s-Hertogenbosch", "'quoted'", "a=1", "1+1", "Ünal & Söhne", "株式会社"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert escape_cell(text) == unescape_cell(text) == text


def test_lines_are_written_one_by_one() -> None:
    rows = iter([("=0",), ("=1",)])
    lines = csv_lines([("n",)], rows)

    assert [next(lines), next(lines)] == ["n\r\n", "'=0\r\n"]
    assert list(rows) == [("=1",)]
