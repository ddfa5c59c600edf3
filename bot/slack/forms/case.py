"""Forms about a case: its time, the leaver's account in a system, clients to put back."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.slack.forms.fields import (
    REASON,
    REASON_LIMIT,
    InvalidForm,
    field,
    modal,
    picked,
    picked_day,
    picked_time,
    reason_faults,
    refuse,
    text_area,
    text_line,
    typed,
)
from bot.slack.messages.blocks import context, fit, given, option, pack, paragraphs, section, unpack, words
from bot.slack.messages.moves import givers, kept, still_accepted
from bot.slack.messages.phrases import records, short, verdict
from bot.text import _, moment, mrkdwn, number, punctuated
from workflows.access.views import Candidate
from workflows.business_days import BusinessDays
from workflows.clients.views import PutBackView

RESCHEDULE, LINK, PUT_BACK, FIND = "reschedule", "choose_account", "put_back", "find_case"
DAY, TIME = "day", "time"
CHOICE, SEARCH, DENY = "choice", "search", "denied"
NONE, FOUND = "none", "found"
MOST = 90
VALUE = 150
"""Slack's limit of an option's value."""


def find(lines: Sequence[str], total: int, search: str = "") -> dict[str, Any]:
    """Return the form that searches open cases, with the newest of `total` found. `search` stays in the field."""
    element = {**text_line(200, search[:200]), "dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]}}
    hint = _("A part of a name or of an address, or a case's id. Then press Enter.")
    blocks = [{**field(FOUND, _("Search"), element, hint, optional=True), "dispatch_action": True}, *paragraphs(lines)]
    if not lines:
        nothing = _("No open case was found for “{text}”. `/offboard list` shows ended ones, too.")
        blocks.append(section(nothing.format(text=mrkdwn(search, 80))))
    if (rest := total - len(lines)) > 0:
        blocks.append(context(_("… and {count} more. Type more of the name.").format(count=rest)))
    return {**modal(FIND, _("Open cases"), _("Search"), blocks, ""), "close": words(_("Close"), 24)}


def reschedule(case: str, effective_at: datetime, zone: str, days: BusinessDays) -> dict[str, Any]:
    """Return the form that moves a case to another day. A time of day that somebody chose stays in the field."""
    now = _("Present effective time: {when}.").format(when=moment(effective_at))
    local = effective_at.astimezone(ZoneInfo(zone))
    chosen = f"{local:%H:%M}" if effective_at != days.end_of(local.date(), zone) else ""
    hint = _("In {zone}, the leaver's own time zone. If empty: the end of that working day.").format(zone=zone)
    blocks = [
        section(now),
        field(DAY, _("Last working day"), {"type": "datepicker", "initial_date": local.date().isoformat()}),
        field(TIME, _("Time of day"), {"type": "timepicker", **given(initial_time=chosen)}, hint, optional=True),
    ]
    return modal(RESCHEDULE, _("Reschedule"), _("Reschedule"), blocks, pack(case=case))


def parse_reschedule(view: dict[str, Any], zone: str, days: BusinessDays, now: datetime) -> datetime:
    """Return the new effective time. Raises `InvalidForm`."""
    day = picked_day(view, DAY)
    if day is None:
        raise InvalidForm({DAY: _("Choose the last working day.")})
    hour = picked_time(view, TIME)
    at = datetime.combine(day, hour, ZoneInfo(zone)) if hour else days.end_of(day, zone)
    refuse({DAY: _("That time has passed. Choose a later one.")} if at <= now else {})
    return at


def link(
    case: str, system: str, title: str, found: Sequence[Candidate], latest: date, search: str = ""
) -> dict[str, Any]:
    """Return the form that links an account to the leaver. A protected account is shown, but cannot be chosen.

    `latest`: the last day for which the statement may count that there is no account.
    """
    free = [account for account in found if not account.reason and len(_value(account)) <= VALUE][:MOST]
    options = [option(f"{account.login} – {account.email or account.name}", _value(account)) for account in free]
    options.append(option(_("They have no account there"), NONE))
    hint = _(
        "The link is kept and goes on record with your name. If the case has begun, the account is locked at once."
    )
    deny = _("With a reason here, the chosen account is put on record as not theirs, and is left alone.")
    again = _("Or leave the choice empty and search by exact address or log-in, never by name.")
    blocks = [
        section(_("Which account in *{system}* is the leaver's?").format(system=mrkdwn(title))),
        *(paragraphs([_candidate(account) for account in found[:MOST]]) or [context(_nothing(search))]),
        field(CHOICE, _("Account"), {"type": "static_select", "options": options}, hint, optional=True),
        field(DENY, _("Not the leaver's account"), text_line(200), deny, optional=True),
        field(SEARCH, _("Search"), text_line(200), again, optional=True),
        field(
            REASON,
            _("No account there: how do you know?"),
            text_area(REASON_LIMIT),
            _("Needed only with that choice. It goes on record with your name."),
            optional=True,
        ),
        field(
            DAY,
            _("No account there: ask again after"),
            {"type": "datepicker", "initial_date": latest.isoformat()},
            _("At the latest {day}.").format(day=latest),
            optional=True,
        ),
    ]
    return modal(LINK, _("Choose account"), _("Link Account"), fit(blocks, 100), pack(case=case, system=system))


def parse_link(view: dict[str, Any], latest: date) -> tuple[dict[str, str], str]:
    """Return the choice (`account` and `login`, or `none`) and the text to search for. Raises `InvalidForm`.

    `none` is the last day for which it counts, and comes with its `reason`. With a reason (`denied`), the chosen
    account is not the leaver's.
    """
    chosen, search, denied = picked(view, CHOICE), typed(view, SEARCH), typed(view, DENY)
    refuse({} if chosen or search else {CHOICE: _("Choose an account, or search for one below.")})
    if chosen == NONE:
        day, reason = picked_day(view, DAY), typed(view, REASON)
        late = {} if day and day <= latest else {DAY: _("Choose {day} or an earlier day.").format(day=latest)}
        refuse(reason_faults(reason) | late)
        return {NONE: (day or latest).isoformat(), "reason": reason}, ""
    choice = {key: str(value) for key, value in unpack(chosen).items()}
    return choice | ({DENY: denied} if denied else {}), "" if chosen else search


def _value(account: Candidate) -> str:
    return json.dumps({"account": account.account_id, "login": account.login}, separators=(",", ":"))


def _candidate(account: Candidate) -> str:
    text = _("• *{login}* {name} {email}, {verdict}, matched by {how}").format(
        login=mrkdwn(account.login, 80),
        name=mrkdwn(account.name, 80),
        email=mrkdwn(account.email, 80),
        verdict=verdict(account.verdict),
        how=mrkdwn(account.matched_by),
    )
    if account.linked:
        text += _(" (linked already)")
    return punctuated(": ").join((text, short(account.reason))) if account.reason else text


def _nothing(search: str) -> str:
    if search:
        return _("No account there has exactly the address or log-in {search}.").format(search=mrkdwn(search, 200))
    return _("No account there matches the leaver's addresses and log-ins.")


def put_back(plan: PutBackView) -> dict[str, Any]:
    """Return the form that undoes a handover. It shows the effect from a fresh read; its button carries it out."""
    name = mrkdwn(plan.leaver.name, 80)
    effect = _("{back} of {all} would go back to {name}. Nothing is changed yet.").format(
        back=records(plan.back), all=number(plan.asked), name=name
    )
    if plan.waiting:
        effect += "\n" + _(
            "⚠ {count} must wait: {name} is locked out, and records cannot go to a locked account. "
            "Press *Give Access Back* in the case message first."
        ).format(count=records(plan.waiting), name=name)
    if plan.accepted:
        effect += "\n" + still_accepted(plan.accepted)
    hint = _("A part of a client's name. After a change here the button only reads again and changes nothing.")
    blocks = [
        section(effect),
        *givers(plan.givers),
        *(kept(plan.kept, plan.rest) if plan.rest or not plan.waiting else []),
        field(SEARCH, _("Only these clients"), text_line(100, plan.search), hint, optional=True),
    ]
    metadata = pack(case=plan.case_id, search=plan.search, waiting=plan.waiting)
    return modal(PUT_BACK, _("Put clients back"), _("Put Clients Back"), blocks, metadata)
