"""The company's working days, and what to say against a day that somebody chose."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.text import _, plain
from config.settings import Company
from workflows.business_days import BusinessDays

MORNING = time(8)


def of(company: Company) -> BusinessDays:
    """Return the working days that the settings name."""
    return BusinessDays(company.end_of_day, company.friday_end, company.holidays)


def morning(day: date, zone: str) -> datetime:
    """Return when somebody comes back on that day."""
    return datetime.combine(day, MORNING, ZoneInfo(zone)).astimezone(UTC)


def last_day_warning(days: BusinessDays, day: date) -> str:
    """Return a warning where nobody works on that day, in plain text, else empty."""
    if name := days.holiday(day):
        return _("{day} is a public holiday ({name}): is it really the last working day?").format(day=day, name=name)
    if days.is_weekend(day):
        return _("{day} is on a weekend: is it really the last working day?").format(day=day)
    return ""


def known_zone(zone: str, fallback: str) -> str:
    """Return the zone, or the company's own where Slack gave none that exists."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return fallback
    return plain(zone) or fallback
