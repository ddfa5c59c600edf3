"""Working days: when a last day ends, and what speaks against a day. Holidays are those of the `holidays` library."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import holidays

FRIDAY, SATURDAY = 4, 5


@dataclass(frozen=True, slots=True)
class Workdays:
    """The company's working days. `country`: ISO code, with a part of the country after a dash: `DE`, `DE-BY`."""

    end: time
    friday_end: time | None = None
    country: str = ""

    def end_of(self, day: date, zone: str) -> datetime:
        """Return the moment in UTC at which that working day ends where the leaver works."""
        at = self.friday_end if self.friday_end and day.weekday() == FRIDAY else self.end
        return datetime.combine(day, at, tzinfo=ZoneInfo(zone)).astimezone(UTC)

    def holiday(self, day: date) -> str:
        """Return the name of the public holiday that day is, or empty."""
        if not self.country:
            return ""
        country, _, part = self.country.partition("-")
        found = holidays.country_holidays(country, subdiv=part or None, years=day.year, language="en_US")
        return str(found.get(day) or "")

    def is_weekend(self, day: date) -> bool:
        """Whether that day is a Saturday or Sunday."""
        return day.weekday() >= SATURDAY
