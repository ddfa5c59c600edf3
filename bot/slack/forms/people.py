"""Forms that name a person: the leaver, one more person to decide, a delegate for a period."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.slack.forms.fields import InvalidForm, field, modal, picked, picked_day, refuse, typed
from bot.slack.messages.blocks import pack, section
from bot.text import _
from config.identifiers import address_or_nothing, plain

LEAVER, APPOINT, DELEGATE = "choose_leaver", "appoint", "delegate"
PERSON, EMAIL, WHO, FIRST, LAST = "person", "email", "who", "first", "last"


def leaver(problem: str = "") -> dict[str, Any]:
    """Return the form to choose the leaver. `problem`: why a person must be chosen again, in Slack's markup."""
    hint = _("Choose from the list. Names are not unique, so Handover never looks people up by name.")
    gone = _("For somebody whom the list does not show, such as a deactivated account.")
    fields = [
        field(PERSON, _("Who leaves?"), {"type": "users_select"}, hint, optional=True),
        field(EMAIL, _("Or their address"), {"type": "email_text_input"}, gone, optional=True),
    ]
    blocks = [section(problem), *fields] if problem else fields
    return modal(LEAVER, _("Offboard someone"), _("Show Plan"), blocks, "")


def parse_leaver(view: dict[str, Any]) -> tuple[str, str]:
    """Return the leaver's id, or the address. Raises `InvalidForm`."""
    person, text = picked(view, PERSON), typed(view, EMAIL)
    refuse({} if person or text else {PERSON: _("Choose the person who leaves.")})
    email = "" if person else address_or_nothing(text)
    refuse({} if person or email else {EMAIL: _("This is not an e-mail address.")})
    return person, plain(email)


def appoint(proposal: str, role: str) -> dict[str, Any]:
    """Return the form that adds a person to an approval request."""
    hint = _("A full member who stays and is not asked yet. People asked before can still decide.")
    who = field(WHO, _("Person to decide"), {"type": "users_select"}, hint)
    return modal(APPOINT, _("Ask someone else"), _("Ask"), [who], pack(proposal=proposal, role=role))


def parse_appoint(view: dict[str, Any]) -> str:
    """Return the person's id. Raises `InvalidForm`."""
    who = picked(view, WHO)
    refuse({} if who else {WHO: _("Choose a colleague.")})
    return who


def delegate(today: date) -> dict[str, Any]:
    """Return the form that names a delegate."""
    first = {"type": "datepicker", "initial_date": today.isoformat()}
    blocks = [
        field(WHO, _("Delegate"), {"type": "users_select"}, _("A full member who stays and is not asked yet.")),
        field(FIRST, _("First day"), first),
        field(LAST, _("Last day"), {"type": "datepicker"}, _("In your own time zone. The whole day counts.")),
    ]
    return modal(DELEGATE, _("While you are away"), _("Name Delegate"), blocks, "")


def parse_delegate(view: dict[str, Any], zone: str) -> tuple[str, datetime, datetime]:
    """Return the delegate's id, and the beginning and the end of the delegation. Raises `InvalidForm`."""
    who, first, last = picked(view, WHO), picked_day(view, FIRST), picked_day(view, LAST)
    faults = {} if who else {WHO: _("Choose a colleague.")}
    if first is None:
        faults[FIRST] = _("Choose the first day.")
    if last is None or (first and last < first):
        faults[LAST] = _("Choose a last day that is not before the first.")
    if faults or first is None or last is None:
        raise InvalidForm(faults)
    return who, *period(first, last, zone)


def period(first: date, last: date, zone: str) -> tuple[datetime, datetime]:
    """Return the beginning of the first day and the end of the last day in that zone."""
    place = ZoneInfo(zone)
    since = datetime.combine(first, time(0), tzinfo=place)
    return since, datetime.combine(last + timedelta(days=1), time(0), tzinfo=place)
