"""Forms with a note or a reason on record: for a manual step, the end of a case, an accepted finding, a name."""

from datetime import date
from typing import Any
from urllib.parse import urlsplit

from bot.slack.forms.fields import (
    REASON,
    REASON_LIMIT,
    InvalidForm,
    field,
    modal,
    picked,
    picked_day,
    reason_faults,
    reason_field,
    refuse,
    text_area,
    text_line,
    typed,
)
from bot.slack.messages.blocks import Block, option, pack, section
from bot.text import _, mrkdwn, punctuated
from workflows.access.manual_steps import Proof
from workflows.access.views import StepView
from workflows.cases.views import CaseView

DONE, CANNOT, TAKE_BACK = "manual_done", "manual_cannot", "manual_take_back"
ACCEPT, REVEAL = "accept_finding", "reveal_name"
CANCEL, UNDO, REHIRED = "cancel_case", "undo_case", "rehired_case"
NOTE, LINK, UNTIL = "note", "link", "until"
ACCESS, BACK, LOCKED = "access", "back", "locked"
LONGEST_LINK = 1000


def done(step: StepView) -> dict[str, Any]:
    """Return the form that confirms a step."""
    text = _("*{title}*, {name}. Your name, the time and your note go on record permanently.")
    link = field(
        LINK,
        _("Link to a file that shows it"),
        text_line(LONGEST_LINK),
        _("Upload the file to Slack and copy its link, or use the link of a ticket."),
        optional=not step.needs_file,
    )
    blocks = [
        section(text.format(title=mrkdwn(step.title), name=mrkdwn(step.leaver.name))),
        field(NOTE, _("What did you do?"), text_area(REASON_LIMIT)),
        link,
    ]
    return modal(DONE, _("Mark as done"), _("Mark as Done"), blocks, pack(step=step.id))


def cannot(step: StepView) -> dict[str, Any]:
    """Return the form that asks why a step cannot be done."""
    reason = reason_field(_("Why not?"), _("Somebody else is asked at once and sees your reason."))
    return modal(CANNOT, _("Cannot do it"), _("Cannot Do It"), [reason], pack(step=step.id))


def take_back(step: StepView) -> dict[str, Any]:
    """Return the form that takes a confirmation back."""
    reason = reason_field(_("Why?"), _("The step then counts as not done. Somebody is asked again at once."))
    return modal(TAKE_BACK, _("Take back confirmation"), _("Take Back"), [reason], pack(step=step.id))


def parse_done(view: dict[str, Any]) -> tuple[str, Proof | None]:
    """Return note and proof. Raises `InvalidForm`. The service checks whether the step needs a proof."""
    note, link, faults = typed(view, NOTE), typed(view, LINK), {}
    if not note:
        faults[NOTE] = _("Write what you did. It goes on record.")
    elif len(note) > REASON_LIMIT:
        text = _("The note has {count} characters. Shorten it to {limit}.")
        faults[NOTE] = text.format(count=len(note), limit=REASON_LIMIT)
    if link and not _is_link(link):
        faults[LINK] = _("This is not a link. Paste one that begins with https://")
    refuse(faults)
    return note, Proof(link) if link else None


def _is_link(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    clean = len(text.split()) == 1 and not set(text) & set('<>|"') and text.isprintable()
    return clean and parts.scheme == "https" and bool(parts.hostname) and len(text) <= LONGEST_LINK


def cancel(case: CaseView) -> dict[str, Any]:
    """Return the form that cancels a case which has not begun."""
    text = _("{name} keeps access. Nothing will be locked.").format(name=mrkdwn(case.leaver.name, 80))
    title, submit = _("Cancel offboarding"), _("Cancel Offboarding")
    if case.leaver.is_group:
        text = _("The records stay with their owners. Nothing will be moved.")
        title, submit = _("Cancel handover"), _("Cancel Handover")
    return modal(CANCEL, title, submit, [section(text), _why()], pack(case=case.id))


def undo(case: CaseView) -> dict[str, Any]:
    """Return the form that gives access back."""
    blocks = [section(_what_comes_back(case)), _why()]
    return modal(UNDO, _("Give access back?"), _("Give Access Back"), blocks, pack(case=case.id))


def rehired(case: CaseView) -> dict[str, Any]:
    """Return the form for a person who was hired again: whether the former access comes back."""
    closing = _("Audits and follow-ups no longer check {name}. Nothing is unlocked.")
    back, locked = _("Give the former access back"), _("Leave it locked")
    options = [option(back, BACK), option(locked, LOCKED)] if case.can_undo else [option(locked, LOCKED)]
    line = punctuated("*{title}:* {what}")
    blocks = [
        *([section(line.format(title=back, what=_what_comes_back(case)))] if case.can_undo else []),
        section(line.format(title=locked, what=closing.format(name=mrkdwn(case.leaver.name, 80)))),
        field(ACCESS, _("Access"), {"type": "radio_buttons", "options": options}),
    ]
    return modal(REHIRED, _("Hired again?"), _("Close Case"), blocks, pack(case=case.id))


def parse_rehired(view: dict[str, Any]) -> bool:
    """Return whether the former access comes back. Raises `InvalidForm`."""
    chosen = picked(view, ACCESS)
    refuse({} if chosen else {ACCESS: _("Choose what becomes of the access.")})
    return chosen == BACK


def _why() -> Block:
    return reason_field(_("Why?"), _("The reason goes on record with your name."))


def _what_comes_back(case: CaseView) -> str:
    text = _(
        "Accounts and groups of {name} come back as they were. Ended sessions and revoked tokens do not come back. "
        "Clients are not moved back. Checks of this case end."
    )
    if case.clients and case.clients.putting_back:
        text = _(
            "Accounts and groups of {name} come back as they were. Ended sessions and revoked tokens do not come back. "
            "The clients that wait for it are put back. Checks of this case end."
        )
    return text.format(name=mrkdwn(case.leaver.name, 80))


def accept(finding: str, latest: date) -> dict[str, Any]:
    """Return the form that accepts a finding until a day. `latest`: the last day that policy allows."""
    day = field(
        UNTIL,
        _("Until the end of"),
        {"type": "datepicker", "initial_date": latest.isoformat()},
        _("At the latest {day}. The finding comes back then.").format(day=latest),
    )
    reason = reason_field(_("Why is this accepted?"), _("The reason goes on record with your name."))
    return modal(ACCEPT, _("Accept for a while"), _("Accept Finding"), [day, reason], pack(finding=finding))


def parse_accept(view: dict[str, Any], today: date, latest: date) -> tuple[date, str]:
    """Return the day and the reason. Raises `InvalidForm`."""
    day, reason = picked_day(view, UNTIL), typed(view, REASON)
    faults = reason_faults(reason)
    if day is None:
        raise InvalidForm({**faults, UNTIL: _("Choose a day.")})
    if day < today:
        faults[UNTIL] = _("That day has passed. Choose today or a later day.")
    if day > latest:
        faults[UNTIL] = _("That is too far ahead. Choose {day} or an earlier day.").format(day=latest)
    refuse(faults)
    return day, reason


def reveal(snapshot: str) -> dict[str, Any]:
    """Return the form that reveals the name behind a pseudonym."""
    text = _("Only you will see the name. Your own name, the time and your reason go on record permanently.")
    blocks = [section(text), reason_field(_("Why do you need the name?"))]
    return modal(REVEAL, _("Reveal the name"), _("Reveal Name"), blocks, pack(snapshot=snapshot))
