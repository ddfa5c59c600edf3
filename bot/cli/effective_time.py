"""When a lock-out takes effect, as people type it. Pure."""

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from bot.cli.command_errors import CommandError
from bot.text import _
from workflows.business_days import BusinessDays

END_OF_DAY = re.compile(r"end[- ]of[- ]day(?:[ :=]+(\S+))?", re.IGNORECASE)


def effective(text: str, now: datetime, zone: str, days: BusinessDays) -> datetime | None:
    """Return the moment in UTC, or None for now.

    `now`; `end-of-day 2026-12-01` in the leaver's zone, today without a date; or ISO 8601, in the leaver's zone
    where it names none. A bare date is refused: nobody could say which hour was meant.
    """
    said = text.strip()
    if said.lower() == "now":
        return None
    if match := END_OF_DAY.fullmatch(said):
        day = _day(match[1]) if match[1] else now.astimezone(ZoneInfo(zone)).date()
        return _future(days.end_of(day, zone), now, text)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", said):
        raise CommandError(
            _("{text} is a day without an hour.").format(text=said),
            _('Write --at "end-of-day {day}" or --at {day}T17:00.').format(day=said),
        )
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        raise CommandError(
            _("{text!r} is not a time.").format(text=said),
            _('Write now, "end-of-day 2026-12-01", or ISO 8601 such as 2026-12-01T17:00+01:00.'),
        ) from None
    return _future(moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone)), now, text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(_("{text!r} is not a date.").format(text=text), _("Write it as 2026-12-01.")) from None


def _future(moment: datetime, now: datetime, text: str) -> datetime:
    if moment <= now:
        raise CommandError(_("{text!r} has passed already.").format(text=text), _("Choose a later time, or --at now."))
    return moment.astimezone(UTC)
