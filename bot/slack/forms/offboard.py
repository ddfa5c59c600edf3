"""The form that opens a case: the plan in three lines, then what is to be decided for this person."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.slack.forms.fields import field, modal, picked, picked_all, picked_day, picked_time, refuse, text_area, typed
from bot.slack.messages.blocks import Block, button, given, option, pack, section, unpack
from bot.text import N_, _, ngettext, punctuated
from config.settings import Company, Settings
from workflows.business_days import BusinessDays
from workflows.cases.views import Plan
from workflows.people import Leaver
from workflows.storage.rows.case import Reason

CALLBACK = "offboard"
PLAN, DETAILS, WHEN, DAY, TIME, REASON, NOTE = "plan", "details", "when", "day", "time", "reason", "note"
PROFILE = "profile"
NOW, LAST_DAY, LEAVE = "now", "last_day", "leave"
"""Kinds of case."""
NOTE_LIMIT = 1000
MOST_IN_METADATA = 850
"""Characters of each list in the form's metadata, of which Slack takes 3,000."""
CAREFUL, DANGER = "careful", "danger"
RETURN, ACCESS, KEEP = "return", "access", "keep"

REASONS = {
    Reason.RESIGNATION: N_("Resignation"),
    Reason.DISMISSAL: N_("Dismissal"),
    Reason.END_OF_CONTRACT: N_("End of contract"),
    Reason.RETIREMENT: N_("Retirement"),
    Reason.SUSPECTED_THEFT: N_("Suspected theft"),
    Reason.OTHER: N_("Other"),
}
"""Reasons to choose from. A leave is a kind of case of its own."""


@dataclass(frozen=True, slots=True)
class Departure:
    """Time and reason of a departure, as HR submitted them."""

    at: datetime | None
    """The effective time, in UTC; None for a lock-out now."""
    reason: Reason
    note: str = ""
    back: date | None = None
    """The day of return from a leave."""
    keep_access: bool = False
    profile: str = ""

    def facts(self) -> dict[str, str | int]:
        """Return the values for the metadata of the form that follows."""
        return {
            "at": self.at.isoformat() if self.at else "",
            "reason": self.reason.value,
            "back": self.back.isoformat() if self.back else "",
            "keep": int(self.keep_access),
            "profile": self.profile,
        }


def departure(facts: dict[str, Any], note: str) -> Departure:
    """Return the departure that an earlier form put into the metadata, with the note of the present one."""
    at, back = str(facts.get("at", "")), str(facts.get("back", ""))
    return Departure(
        datetime.fromisoformat(at) if at else None,
        Reason(str(facts["reason"])),
        note,
        date.fromisoformat(back) if back else None,
        keep_access=bool(facts.get("keep")),
        profile=str(facts.get("profile", "")),
    )


def build(plan: Plan, settings: Settings, summary: str, *, zone: str, approver: str = "") -> dict[str, Any]:
    """Return the form, with the plan's `summary` in Slack's markup. `approver`: Slack id of the line manager."""
    later = sum(bool(system.problem or system.by_hand) and not system.unproven for system in plan.systems)
    leaver = plan.leaver
    facts: dict[str, str | int] = {
        "leaver": leaver.slack_id,
        "directory": leaver.directory_id,
        "logins": _lines(leaver.logins),
        "addresses": _lines(leaver.addresses),
        "number": leaver.employee_number,
        "zone": zone,
        "now": sum(bool(system.accounts) and not system.problem for system in plan.systems),
        "later": later,
        "clientless": int(plan.owns_nothing),
        "approver": approver,
        "manager": leaver.manager_email,
        **({} if leaver.slack_id else {"name": leaver.name, "email": leaver.email}),
    }
    head = section(summary, button(_("Details"), DETAILS), PLAN)
    submit = _("Start Offboarding") if plan.owns_nothing else _("Next: Clients")
    blocks = [head, *_asked(facts, settings, "")]
    return modal(CALLBACK, _("Offboard someone"), submit, blocks, pack(**facts))


def reshaped(view: dict[str, Any], settings: Settings, warning: str) -> dict[str, Any]:
    """Return an open form with the fields of the chosen kind. Filled-in values stay.

    `warning`: on the chosen day, in Slack's markup, or empty.
    """
    keep = ("type", "callback_id", "title", "submit", "close", "private_metadata")
    head = [dict(block) for block in view["blocks"] if block.get("block_id") == PLAN]
    facts, kind = unpack(str(view.get("private_metadata", ""))), picked(view, WHEN)
    blocks = [*head, *_asked(facts, settings, kind)]
    place = next((number for number, block in enumerate(blocks) if block.get("block_id") == DAY), 0)
    if warning and place:
        blocks.insert(place + 1, section(warning, block_id=CAREFUL))
    return {**{key: view[key] for key in keep if key in view}, "blocks": blocks}


def _asked(facts: dict[str, Any], settings: Settings, kind: str) -> list[Block]:
    """Return the fields for one kind of case, or before one is chosen: six at most."""
    clientless = bool(facts.get("clientless"))
    kinds = {
        LAST_DAY: option(_("At the end of the last working day"), LAST_DAY),
        NOW: option(_("Now, at once"), NOW, _("Access ends as soon as you submit")),
        LEAVE: option(_("For a time: on leave, and back later"), LEAVE),
    }
    when = {"type": "radio_buttons", "options": list(kinds.values()), **given(initial_option=kinds.get(kind))}
    reasons = [option(_(label), reason.value) for reason, label in REASONS.items()]
    return [
        {**field(WHEN, _("When"), when), "dispatch_action": True},
        *danger(facts, now=clientless and kind == NOW),
        *([] if kind in ("", NOW) else _day(settings.company, str(facts.get("zone", "")))),
        *(_leave(clientless=clientless) if kind == LEAVE else []),
        *([] if kind == LEAVE else [field(REASON, _("Reason"), {"type": "static_select", "options": reasons})]),
        *_profile(settings),
        *([note()] if clientless else []),
    ]


def _profile(settings: Settings) -> list[Block]:
    if not settings.profiles:
        return []
    names = {"type": "static_select", "options": [option(name, name) for name in settings.profiles]}
    return [field(PROFILE, _("Profile"), names, _("Fills in what follows, from the configuration."), optional=True)]


def _day(company: Company, zone: str) -> list[Block]:
    hint = _("If empty: {time} in {zone}, the leaver's own time zone.").format(
        time=f"{company.end_of_day:%H:%M}", zone=zone
    )
    if company.friday_end:
        hint += punctuated(" ") + _("On a Friday at {time}.").format(time=f"{company.friday_end:%H:%M}")
    day = field(DAY, _("Last working day"), {"type": "datepicker"})
    return [
        {**day, "dispatch_action": True},
        field(TIME, _("Time of day"), {"type": "timepicker"}, hint, optional=True),
    ]


def _leave(*, clientless: bool) -> list[Block]:
    hint = "" if clientless else _("Handover then asks whether the clients go back.")
    keep = option(_("Keep access: no lock-out"), KEEP, _("Only the clients are handed over until the return"))
    access = field(ACCESS, _("Access during a leave"), {"type": "checkboxes", "options": [keep]}, optional=True)
    back = field(RETURN, _("Day of return"), {"type": "datepicker"}, hint)
    return [back] if clientless else [back, access]


def note() -> Block:
    """Return the field for a note."""
    return field(NOTE, _("Note for the record"), text_area(NOTE_LIMIT), optional=True)


def note_faults(text: str) -> dict[str, str]:
    """Return the fault of a note that is too long."""
    if len(text) <= NOTE_LIMIT:
        return {}
    said = _("The note has {count} characters. Shorten it to {limit}.")
    return {NOTE: said.format(count=len(text), limit=NOTE_LIMIT)}


def danger(facts: dict[str, Any], *, now: bool) -> list[Block]:
    """Return what a lock-out at once does, for the form that starts it."""
    ready, later = int(facts.get("now", 0)), int(facts.get("later", 0))
    if not now or not (ready or later):
        return []
    text = ngettext(
        "*Now* takes effect when you press Start Offboarding. Accounts in {count} system are locked within seconds. "
        "Open sessions end, and group memberships are removed.",
        "*Now* takes effect when you press Start Offboarding. Accounts in {count} systems are locked within seconds. "
        "Open sessions end, and group memberships are removed.",
        ready,
    ).format(count=ready)
    if later:
        text += punctuated(" ") + ngettext(
            "{count} more system follows when it answers, or when its manual step is done.",
            "{count} more systems follow when they answer, or when their manual steps are done.",
            later,
        ).format(count=later)
    if not facts.get("clientless"):
        text += punctuated(" ") + _("Clients always wait for the approver.")
    return [section(text, block_id=DANGER)]


def parse(view: dict[str, Any], days: BusinessDays, now: datetime) -> Departure:
    """Return the submitted values. Raises `InvalidForm` with all faults by field.

    Slack shows no fault of a field that the form has not: it is shown at the kind of case.
    """
    zone = str(unpack(str(view.get("private_metadata", ""))).get("zone", "")) or "UTC"
    kind, day, reason = picked(view, WHEN), picked_day(view, DAY), picked(view, REASON)
    back, keep, text = picked_day(view, RETURN), KEEP in picked_all(view, ACCESS), typed(view, NOTE)
    faults, at = note_faults(text), None
    if kind not in (NOW, LAST_DAY, LEAVE):
        faults[WHEN] = _("Choose when access ends.")
    elif kind != NOW and day is None:
        faults[DAY] = _("Choose the last working day.")
    elif kind != NOW and day:
        hour = picked_time(view, TIME)
        at = datetime.combine(day, hour, ZoneInfo(zone)).astimezone(UTC) if hour else days.end_of(day, zone)
        if at < now:
            faults[TIME if hour and day == now.astimezone(ZoneInfo(zone)).date() else DAY] = _(
                "That time has passed. Choose a later one, or choose to lock now."
            )
    if kind == LEAVE:
        reason = Reason.LEAVE
        if back is None or (at and back <= at.astimezone(ZoneInfo(zone)).date()):
            faults[RETURN] = _("Choose a day after the leave has begun.")
    elif reason not in set(Reason):
        faults[REASON] = _("Choose a reason.")
    present = {block.get("block_id") for block in view.get("blocks", ())}
    refuse({name if name in present else WHEN: fault for name, fault in faults.items()})
    away = kind == LEAVE
    return Departure(
        at, Reason(reason), text, back if away else None, keep_access=keep and away, profile=picked(view, PROFILE)
    )


def _lines(values: Sequence[str]) -> str:
    """Return as many values as the metadata has room for. The directory gives the others at execution.

    They are not joined by spaces, which a log-in may contain.
    """
    room, kept = MOST_IN_METADATA, []
    for value in values:
        room -= len(json.dumps(value)) + 1
        if room < 0:
            break
        kept.append(value)
    return "\n".join(kept)


def unknown_to_slack(metadata: dict[str, Any]) -> Leaver:
    """Return a leaver whom Slack does not know, as the plan found them."""
    return Leaver(
        str(metadata.get("name") or metadata["email"]), str(metadata["email"]), timezone=str(metadata["zone"])
    )


def known_leaver(leaver: Leaver, metadata: dict[str, Any]) -> Leaver:
    """Return the leaver with the identifiers that the plan found. The form's metadata stores them."""
    addresses, logins = (str(metadata.get(key, "")).split("\n") for key in ("addresses", "logins"))
    known = replace(leaver, directory_id=str(metadata.get("directory", "")), logins=())
    return known.knowing(addresses, logins, str(metadata.get("number", "")))
