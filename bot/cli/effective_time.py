"""Days and times as people type them. Pure."""

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from bot.cli.command_errors import CommandError
from bot.text import _
from workflows.business_days import BusinessDays

END_OF_DAY = re.compile(r"end[- ]of[- ]day(?:[ :=]+(\S+))?", re.IGNORECASE)


def effective(text: str, now: datetime, zone: str, days: BusinessDays) -> datetime | None:
    """Return the moment in UTC, or None for `now`. Raises `CommandError`.

    Takes `now`, `end-of-day 2026-12-01` (without a date: today), or ISO 8601. Times without a zone are in the leaver's
    zone. A bare date is refused, since it names no hour.
    """
    said = text.strip()
    if said.lower() == "now":
        return None
    if match := END_OF_DAY.fullmatch(said):
        chosen = day(match[1]) if match[1] else now.astimezone(ZoneInfo(zone)).date()
        return _future(days.end_of(chosen, zone), now, text)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", said):
        raise CommandError(
            _("{text} is a day without an hour.").format(text=said),
            _('Write "end-of-day {day}" or {day}T17:00.').format(day=said),
        )
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        raise CommandError(
            _("{text!r} is not a time.").format(text=said),
            _('Write now, "end-of-day 2026-12-01", or ISO 8601 such as 2026-12-01T17:00+01:00.'),
        ) from None
    return _future(moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone)), now, text)


def day(text: str) -> date:
    """Return a date written as 2026-12-01. Raises `CommandError`."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(_("{text!r} is not a date.").format(text=text), _("Write it as 2026-12-01.")) from None


def _future(moment: datetime, now: datetime, text: str) -> datetime:
    if moment <= now:
        raise CommandError(_("{text!r} has passed already.").format(text=text), _("Choose a later time."))
    return moment.astimezone(UTC)
