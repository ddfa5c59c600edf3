"""The company's working days, and warnings about a chosen day."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.text import _, plain
from config.settings import Settings
from workflows.business_days import BusinessDays

MORNING = time(8)


def of(settings: Settings, zone: str) -> BusinessDays:
    """Return the working days of people in a time zone, with weekends and holidays of its country if that is known."""
    company = settings.company
    country = settings.approvals.calendars.get(zone, company.holidays)
    return BusinessDays(company.end_of_day, company.friday_end, country)


def morning(day: date, zone: str) -> datetime:
    """Return the time of a return on that day."""
    return datetime.combine(day, MORNING, ZoneInfo(zone)).astimezone(UTC)


def last_day_warning(days: BusinessDays, day: date) -> str:
    """Return a warning in plain text if the day is a holiday or a weekend, else empty."""
    if name := days.holiday(day):
        return _("{day} is a public holiday ({name}): is it really the last working day?").format(day=day, name=name)
    if days.is_weekend(day):
        return _("{day} is on a weekend: is it really the last working day?").format(day=day)
    return ""


def week(settings: Settings, now: datetime) -> tuple[datetime, datetime]:
    """Return the beginning of this week and of the next one: the company's weeks begin after its weekend."""
    zone = ZoneInfo(settings.company.timezone)
    days, first = of(settings, settings.company.timezone), now.astimezone(zone).date()
    for _day in range(7):
        if not days.is_weekend(first) and days.is_weekend(first - timedelta(days=1)):
            break
        first -= timedelta(days=1)
    since, until = (datetime.combine(day, time(0), zone) for day in (first, first + timedelta(days=7)))
    return since.astimezone(UTC), until.astimezone(UTC)


def known_zone(zone: str, fallback: str) -> str:
    """Return the zone, or `fallback` if the zone does not exist."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return fallback
    return plain(zone) or fallback
