"""Effective times of a lock-out, as people type them."""

from datetime import UTC, datetime, time

import pytest

from bot.cli.arguments import effective
from bot.cli.case_request import as_known
from bot.cli.output import CommandError
from bot.slack.people import Profile
from workflows.business_days import BusinessDays
from workflows.people import Leaver

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", None),
        (" NOW ", None),
        ("end-of-day 2026-12-01", "2026-12-01T17:00+00:00"),
        ("end of day 2026-12-01", "2026-12-01T17:00+00:00"),
        ("end-of-day", "2026-11-23T17:00+00:00"),
        ("2026-12-01T12:30", "2026-12-01T12:30+00:00"),
        ("2026-12-01T12:30+02:00", "2026-12-01T10:30+00:00"),
        ("2026-12-01T12:30Z", "2026-12-01T12:30+00:00"),
        ("end-of-day 2027-06-01", "2027-06-01T16:00+00:00"),
    ],
)
def test_it_is_read_in_the_leavers_zone(text: str, expected: str | None) -> None:
    found = effective(text, NOW, "Europe/Dublin", BusinessDays(time(17)))
    assert (found.isoformat(timespec="minutes") if found else None) == expected


def test_today_is_the_leavers_today() -> None:
    late = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    found = effective("end-of-day", late, "Pacific/Auckland", BusinessDays(time(17)))
    assert found == datetime(2026, 11, 24, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-01",
        "20261203",
        "2026-W49-4",
        "2026W494",
        "tomorrow",
        "",
        "end-of-day yesterday",
        "end-of-day 2026-13-01",
        "2026-11-23T08:59+00:00",
        "end-of-day 2026-11-22",
        "17:00",
    ],
)
def test_what_is_past_or_not_exact_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(CommandError) as caught:
        effective(text, NOW, "Europe/Dublin", BusinessDays(time(17)))
    assert caught.value.todo


def test_a_zone_that_nobody_knows_is_the_companys() -> None:
    known = Profile("U1", "Dana", "dana@x.example", "Mars/Phobos", "", False, False, False, False)
    assert as_known(Leaver("", "dana@x.example"), known, "Europe/Berlin").timezone == "Europe/Berlin"
