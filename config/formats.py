"""Numbers, days, times and lists as the reader's language writes them, by Babel. English stays as the source writes it.

Files and JSON for programs use none of this.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from string import Formatter
from typing import Any
from zoneinfo import ZoneInfo

from config.languages import SOURCE, language_of

_NUMBER = re.compile(r"(?P<sign>\+?)(?P<group>,?)(?:\.(?P<places>\d))?(?P<kind>[fg%]?)")


def formatted(value: Any, spec: str, locale: str) -> str:
    """Return a value of a sentence with its format, `,` or `.1%`: a day or a number by locale, all else by Python."""
    if (language := language_of(locale)) in ("", SOURCE):
        return format(value, spec)
    if type(value) is date and not spec:
        return _day(value, language)
    given = _NUMBER.fullmatch(spec)
    if not spec or given is None or not isinstance(value, int | float | Decimal):
        return format(value, spec)
    return _number(value, given, language)


def _number(value: float | Decimal, given: re.Match[str], language: str) -> str:
    from babel.numbers import format_decimal, format_percent  # noqa: PLC0415 - English needs no data of languages

    whole = "#,##0" if given["group"] else "0"
    places = "." + "0" * int(given["places"]) if given["places"] and given["places"] != "0" else ""
    if given["kind"] == "%":
        percent: str = format_percent(0, locale=language).replace("0", f"{whole}{places}")
        return format_percent(value, percent, locale=language)
    pattern = f"{whole}.######" if given["kind"] == "g" else f"{whole}{places}"
    sign = "+" if given["sign"] and value >= 0 else ""
    return sign + format_decimal(value, pattern, locale=language)


def _day(day: date, language: str) -> str:
    from babel.dates import format_date  # noqa: PLC0415

    return format_date(day, "medium", locale=language)


def moment(at: datetime, zone: str, locale: str) -> str:
    """Return a time in a time zone, with the zone's short name."""
    here = at.astimezone(ZoneInfo(zone))
    return f"{formatted(here.date(), '', locale)} {here:%H:%M %Z}"


def listed(texts: Iterable[str], locale: str) -> str:
    """Return texts in a row, with the comma of the language."""
    if (language := language_of(locale)) in ("", SOURCE):
        return ", ".join(texts)
    from babel import Locale  # noqa: PLC0415

    comma: str = Locale.parse(language).list_patterns["standard"]["middle"]
    return comma.removeprefix("{0}").removesuffix("{1}").join(texts)


_BOLD = {":* ": "：* ", "*: ": "：* ", "* (": "* （"}
_FULL_WIDTH = {**_BOLD, ", ": "，", "; ": "；", ": ": "：", ". ": "。", " (": "（", ")": "）"}
"""Chinese marks, longer ones first: Slack shows bold only if a space is beside it."""


def punctuated(pattern: str, locale: str) -> str:
    """Return the marks between values as the language writes them: Chinese has marks of full width and no spaces."""
    if not language_of(locale).startswith("zh"):
        return pattern
    for mark, wide in _FULL_WIDTH.items():
        pattern = pattern.replace(mark, wide)
    return "" if pattern == " " else pattern


class LocaleFormatter(Formatter):
    """Formatting of a sentence's values."""

    def __init__(self, locale: str) -> None:
        self._locale = locale

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return one value."""
        return formatted(value, format_spec, self._locale)


def put(text: str, values: Mapping[str, Any], locale: str) -> str:
    """Return a text with its values."""
    if language_of(locale) in ("", SOURCE):
        return str.format_map(text, values)
    return LocaleFormatter(locale).vformat(str(text), (), values)
