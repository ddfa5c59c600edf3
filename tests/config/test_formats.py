"""Numbers, days, times and lists in each language; English, JSON and what is stored stay as they are."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from config.text import (
    Sentence,
    _,
    gettext_lazy,
    join,
    language,
    listed,
    loaded,
    local,
    ngettext,
    number,
    punctuated,
    shown,
    stored,
)

DAY = date(2026, 12, 1)
SPACE = "\xa0"


@pytest.mark.parametrize(
    ("locale", "thousands", "share", "money", "day", "row"),
    [
        ("en-US", "1,234,567", "12.5%", "1,234.50", "2026-12-01", "a, b, c"),
        ("de-DE", "1,234,567", "12.5%", "1,234.50", "2026-12-01", "a, b, c"),
        ("pl-PL", f"1{SPACE}234{SPACE}567", "12,5%", f"1{SPACE}234,50", "1 gru 2026", "a, b, c"),
        ("ru", f"1{SPACE}234{SPACE}567", f"12,5{SPACE}%", f"1{SPACE}234,50", "1 дек. 2026\u202fг.", "a, b, c"),
        ("zh-CN", "1,234,567", "12.5%", "1,234.50", "2026年12月1日", "a、b、c"),
        ("zh-TW", "1,234,567", "12.5%", "1,234.50", "2026年12月1日", "a、b、c"),
    ],
)
def test_values_are_written_as_the_language_writes_them(
    locale: str, thousands: str, share: str, money: str, day: str, row: str
) -> None:
    with language(locale):
        assert _("{count:,} of {share:.1%} until {day}").format(count=1234567, share=0.125, day=DAY) == (
            f"{thousands} of {share} until {day}"
        )
        assert number(1234567) == thousands
        assert number(Decimal("1234.5"), ",.2f") == money
        assert listed(["a", "b", "c"]) == row
        assert local(datetime(2026, 12, 1, 8, 26, tzinfo=UTC), "Europe/Warsaw") == f"{day} 09:26 CET"
        assert ngettext("{count:,} one", "{count:,} many", 3).format(count=3) == "3 many"


@pytest.mark.parametrize("locale", ["zh-CN", "zh-TW"])
def test_marks_between_values_are_of_full_width_in_chinese_and_bold_keeps_a_space(locale: str) -> None:
    kept = stored(join("; ", (_("?"), _("!: {what}").format(what="a: b"))))
    assert punctuated("*{name}*: {what} ({why}); ") == "*{name}*: {what} ({why}); "
    with language(locale):
        assert punctuated("*{name}*: {what} ({why}); ") == "*{name}：* {what}（{why}）；"
        assert punctuated(" ").join("ab") == "ab"
        assert shown(kept) == "?；!：a: b"


def test_what_is_no_amount_stays_as_it_is() -> None:
    with language("ru"):
        said = _("port {port}, {name!r}, {load:g}, {change:+.0f}, {when:%H:%M}")
        when = datetime(2026, 12, 1, 8, 26, tzinfo=UTC)
        assert said.format(port=30010, name="x", load=0.25, change=3.2, when=when) == "port 30010, 'x', 0,25, +3, 08:26"


def test_a_stored_day_and_a_stored_number_are_those_of_the_reader() -> None:
    kept = json.loads(json.dumps(stored(_("{count:,} until {day}").format(count=12345, day=DAY))))
    assert shown(kept) == "12,345 until 2026-12-01"
    with language("pl"):
        assert shown(kept) == f"12{SPACE}345 until 1 gru 2026"
    with language("pl"):
        written = stored(_("{count:,} until {day}").format(count=12345, day=DAY))
    assert written == kept
    assert loaded(written) == Sentence("{count:,} until {day}", {"count": 12345, "day": DAY})


def test_the_journal_is_english_whoever_writes_it() -> None:
    with language("ru"):
        assert gettext_lazy("{count:,} until {day}", count=12345, day=DAY).english == "12,345 until 2026-12-01"
