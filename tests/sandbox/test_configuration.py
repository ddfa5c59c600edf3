"""The practice company works by day at any hour of the machine, so the story does not depend on the hour."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from config.settings import PolicySettings
from tests.sandbox.configuration import CLOSES, OPENS, daytime

QUARTER = timedelta(minutes=15)


@pytest.mark.parametrize("year", [2026, 2028])
def test_it_is_day_in_the_company_at_every_moment_of_a_year(year: int) -> None:
    moment, cities = datetime(year, 1, 1, tzinfo=UTC), set()
    while moment.year == year:
        city = daytime(moment)
        cities.add(city)
        local = moment.astimezone(ZoneInfo(city))
        assert OPENS <= local.time() < CLOSES
        moment += QUARTER
    assert len(cities) == 3


def test_the_days_audit_is_over_and_the_next_one_far() -> None:
    assert PolicySettings().audit_at < OPENS
