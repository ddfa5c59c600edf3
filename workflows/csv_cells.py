"""Cells of a CSV file that no spreadsheet takes for a formula, and back."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A cell that begins with one of these is run by spreadsheets (OWASP, CSV injection); an apostrophe makes it text."""
UNSEEN = " \u00a0\u200b\u2060\ufeff"
"""What some of them skip over before they look: spaces, zero-width characters, a byte order mark."""


def escape_cell(text: str) -> str:
    """Return the text as a spreadsheet shows it and does not run it."""
    return f"'{text}" if text.lstrip(UNSEEN).startswith(FORMULA) else text


def unescape_cell(text: str) -> str:
    """Return what `cell` was given."""
    return text[1:] if text.startswith("'") and escape_cell(text[1:]) == text else text
