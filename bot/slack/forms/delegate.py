"""The form that names a delegate for a period."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.slack.forms.fields import field, modal, picked
from bot.slack.messages.blocks import Block
from bot.text import _

CALLBACK = "delegate"
WHO, FIRST, LAST = "who", "first", "last"


@dataclass(frozen=True, slots=True)
class Absence:
    """The delegate, and the period of the delegation."""

    delegate: str
    since: datetime
    until: datetime


def build(today: date) -> dict[str, Any]:
    """Return the form."""
    who: Block = {"type": "users_select"}
    first: Block = {"type": "datepicker", "initial_date": today.isoformat()}
    blocks = [
        field(WHO, _("Delegate"), who, _("A full member who stays and is not asked yet.")),
        field(FIRST, _("First day"), first),
        field(LAST, _("Last day"), {"type": "datepicker"}, _("In your own time zone. The whole day counts.")),
    ]
    return modal(CALLBACK, _("While you are away"), _("Name Delegate"), blocks, "")


def parse(view: dict[str, Any], zone: str) -> tuple[Absence | None, dict[str, str]]:
    """Return the absence, and faults by field."""
    faults = {} if picked(view, WHO) else {WHO: _("Choose a colleague.")}
    first, last = _day(picked(view, FIRST)), _day(picked(view, LAST))
    if first is None:
        faults[FIRST] = _("Choose the first day.")
    if last is None or (first and last < first):
        faults[LAST] = _("Choose a last day that is not before the first.")
    if faults or first is None or last is None:
        return None, faults
    return Absence(picked(view, WHO), *period(first, last, zone)), {}


def period(first: date, last: date, zone: str) -> tuple[datetime, datetime]:
    """Return the beginning of the first day and the end of the last day in that zone."""
    place = ZoneInfo(zone)
    since = datetime.combine(first, time(0), tzinfo=place)
    return since, datetime.combine(last + timedelta(days=1), time(0), tzinfo=place)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
