"""The form that accepts a finding until a day, with a reason."""

from datetime import date
from typing import Any

from bot.slack.forms.fields import field, modal, picked, text_area
from bot.slack.forms.reasons import LIMIT, REASON
from bot.slack.forms.reasons import parse as parse_reason
from bot.slack.messages.blocks import pack
from bot.text import _

ACCEPT, UNTIL = "accept_finding", "until"


def build(finding: str, latest: date) -> dict[str, Any]:
    """Return the form. `latest`: the last day that policy allows."""
    day = field(
        UNTIL,
        _("Until the end of"),
        {"type": "datepicker", "initial_date": latest.isoformat()},
        _("At the latest {day}. The finding comes back then.").format(day=latest.isoformat()),
    )
    why = field(REASON, _("Why is this accepted?"), text_area(LIMIT), _("The reason goes on record with your name."))
    return modal(ACCEPT, _("Accept for a while"), _("Accept Finding"), [day, why], pack(finding=finding))


def parse(view: dict[str, Any], today: date, latest: date) -> tuple[tuple[date, str] | None, dict[str, str]]:
    """Return the day and the reason, and faults by field."""
    why, faults = parse_reason(view)
    try:
        day = date.fromisoformat(picked(view, UNTIL))
    except ValueError:
        return None, {**faults, UNTIL: _("Choose a day.")}
    if day < today:
        faults[UNTIL] = _("That day has passed. Choose today or a later day.")
    if day > latest:
        faults[UNTIL] = _("That is too far ahead. Choose {day} or an earlier day.").format(day=latest.isoformat())
    return (None if faults else (day, why)), faults
