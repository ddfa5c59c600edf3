"""Business days: the end of a last day, weekends and public holidays. Holidays come from the `holidays` library."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from config.languages import SOURCE, language_of
from config.text import current_language

if TYPE_CHECKING:
    from holidays import HolidayBase

FRIDAY, SATURDAY = 4, 5
ENGLISH = "en_US"


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """The company's business days. `country`: ISO code, with a subdivision after a dash: `DE`, `DE-BY`."""

    end: time
    friday_end: time | None = None
    country: str = ""

    def end_of(self, day: date, zone: str) -> datetime:
        """Return when that business day ends in the leaver's time zone, in UTC."""
        at = self.friday_end if self.friday_end and day.weekday() == FRIDAY else self.end
        return datetime.combine(day, at, tzinfo=ZoneInfo(zone)).astimezone(UTC)

    def holiday(self, day: date) -> str:
        """Return the public holiday on that day, in the reader's language if the library has its name; else empty."""
        return str(_calendar(self.country, current_language()).get(day) or "") if self.country else ""

    def is_weekend(self, day: date) -> bool:
        """Return whether that day is on the country's weekend; without a country, a Saturday or Sunday."""
        return _calendar(self.country).is_weekend(day) if self.country else day.weekday() >= SATURDAY


def business_days_later(start: datetime, days: int, zone: str, country: str) -> datetime:
    """Return the moment in UTC so many business days after `start`, at the same local time of day.

    A start on a day off counts from the beginning of the next business day. One day after Saturday, Monday is over.
    Weekends are those of the country; without one, Saturday and Sunday.
    """
    place = ZoneInfo(zone)
    local = start.astimezone(place)
    working = _is_working(country)
    day, at = local.date(), local.time()
    if not working(day):
        day, at = _next_working_day(day, working), time(0, 0)
    for _ in range(days):
        day = _next_working_day(day, working)
    return datetime.combine(day, at, tzinfo=place).astimezone(UTC)


def _next_working_day(day: date, working: Callable[[date], bool]) -> date:
    day += timedelta(days=1)
    while not working(day):
        day += timedelta(days=1)
    return day


def _is_working(country: str) -> Callable[[date], bool]:
    if not country:
        return lambda day: day.weekday() < SATURDAY
    return _calendar(country).is_working_day


def _calendar(country: str, locale: str = SOURCE) -> "HolidayBase":
    """Return the calendar of a country or of a part of it, with names in a locale's language, else in English."""
    import holidays  # noqa: PLC0415 - a large library, for companies that name their country

    name, _, part = country.partition("-")
    calendar = holidays.country_holidays(name, subdiv=part or None, language=ENGLISH)
    wanted = language_of(locale) or SOURCE
    theirs = next((one for one in calendar.supported_languages if wanted == language_of(one) != SOURCE), ENGLISH)
    return calendar if theirs == ENGLISH else holidays.country_holidays(name, subdiv=part or None, language=theirs)
