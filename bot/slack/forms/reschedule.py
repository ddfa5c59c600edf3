"""The form that moves a case to another day."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.slack.forms.fields import field, modal, picked, state
from bot.slack.messages.blocks import Block, pack, section
from bot.text import _, moment
from workflows.business_days import BusinessDays

CALLBACK = "reschedule"
DAY, TIME = "day", "time"


def build(case: str, effective_at: datetime, zone: str) -> dict[str, Any]:
    """Return the form."""
    now = section(_("Present effective time: {when}.").format(when=moment(effective_at)))
    local = effective_at.astimezone(ZoneInfo(zone))
    day: Block = {"type": "datepicker", "initial_date": local.date().isoformat()}
    hint = _("In {zone}, the leaver's own time zone. If empty: the end of that working day.").format(zone=zone)
    blocks = [
        now,
        field(DAY, _("Last working day"), day),
        field(TIME, _("Time of day"), {"type": "timepicker"}, hint, optional=True),
    ]
    return modal(CALLBACK, _("Reschedule"), _("Reschedule"), blocks, pack(case=case))


def parse(view: dict[str, Any], zone: str, days: BusinessDays, now: datetime) -> tuple[datetime | None, dict[str, str]]:
    """Return the new effective time, and faults by field."""
    try:
        day = date.fromisoformat(picked(view, DAY))
    except ValueError:
        return None, {DAY: _("Choose the last working day.")}
    hour = str(state(view, TIME).get("selected_time") or "")
    at = datetime.fromisoformat(f"{day}T{hour}").replace(tzinfo=ZoneInfo(zone)) if hour else days.end_of(day, zone)
    if at <= now:
        return None, {DAY: _("That time has passed. Choose a later one.")}
    return at, {}
