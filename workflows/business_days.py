"""Business days: the end of a last day, and reasons against a day. Holidays come from the `holidays` library."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FRIDAY, SATURDAY = 4, 5


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """Business days of the company. `country`: ISO code, with a part of the country after a dash: `DE`, `DE-BY`."""

    end: time
    friday_end: time | None = None
    country: str = ""

    def end_of(self, day: date, zone: str) -> datetime:
        """Return the moment in UTC at which that business day ends where the leaver works."""
        at = self.friday_end if self.friday_end and day.weekday() == FRIDAY else self.end
        return datetime.combine(day, at, tzinfo=ZoneInfo(zone)).astimezone(UTC)

    def holiday(self, day: date) -> str:
        """Return the name of the public holiday on that day, or empty."""
        if not self.country:
            return ""
        import holidays  # noqa: PLC0415 - a large library, for companies that name their country

        country, _, part = self.country.partition("-")
        found = holidays.country_holidays(country, subdiv=part or None, years=day.year, language="en_US")
        return str(found.get(day) or "")

    def is_weekend(self, day: date) -> bool:
        """Return whether that day is a Saturday or Sunday."""
        return day.weekday() >= SATURDAY


def business_days_later(start: datetime, days: int, zone: str, country: str) -> datetime:
    """Return the moment in UTC so many business days after `start`, at the same time of day in the given zone.

    A start on a day off counts from the beginning of the next business day: a request on Saturday is one day old at the
    end of Monday. Weekends are those of the country; without one, Saturday and Sunday.
    """
    place = ZoneInfo(zone)
    local = start.astimezone(place)
    working = _working(country)
    day, at = local.date(), local.time()
    if not working(day):
        day, at = _next(day, working), time(0, 0)
    for _ in range(days):
        day = _next(day, working)
    return datetime.combine(day, at, tzinfo=place).astimezone(UTC)


def _next(day: date, working: Callable[[date], bool]) -> date:
    day += timedelta(days=1)
    while not working(day):
        day += timedelta(days=1)
    return day


def _working(country: str) -> Callable[[date], bool]:
    if not country:
        return lambda day: day.weekday() < SATURDAY
    import holidays  # noqa: PLC0415

    name, _, part = country.partition("-")
    return holidays.country_holidays(name, subdiv=part or None).is_working_day
