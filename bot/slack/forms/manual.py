"""Forms of a manual step: confirm it, say that it cannot be done, take a confirmation back."""

from typing import Any
from urllib.parse import urlsplit

from bot.slack.forms.fields import field, modal, text_area, typed
from bot.slack.forms.reasons import LIMIT, REASON
from bot.slack.messages.blocks import pack, section
from bot.text import _, mrkdwn
from workflows.access.manual_steps import Proof
from workflows.access.views import StepView

DONE, CANNOT, TAKE_BACK = "manual_done", "manual_cannot", "manual_take_back"
NOTE, LINK = "note", "link"
LONGEST_LINK = 1000


def done(step: StepView) -> dict[str, Any]:
    """Return the form that confirms a step."""
    said = section(
        _("*{title}*, {name}. Your name, the time and your note go on record permanently.").format(
            title=mrkdwn(step.title), name=mrkdwn(step.leaver.name)
        )
    )
    note = field(NOTE, _("What did you do?"), text_area(LIMIT))
    link = field(
        LINK,
        _("Link to a file that shows it"),
        {"type": "plain_text_input", "max_length": LONGEST_LINK},
        _("Upload the file to Slack and copy its link, or use the link of a ticket."),
        optional=not step.needs_file,
    )
    return modal(DONE, _("Mark as done"), _("Mark as Done"), [said, note, link], pack(step=step.id))


def cannot(step: StepView) -> dict[str, Any]:
    """Return the form that asks why a step cannot be done."""
    why = field(REASON, _("Why not?"), text_area(LIMIT), _("Somebody else is asked at once and sees your reason."))
    return modal(CANNOT, _("Cannot do it"), _("Cannot Do It"), [why], pack(step=step.id))


def take_back(step: StepView) -> dict[str, Any]:
    """Return the form that takes a confirmation back."""
    why = field(
        REASON, _("Why?"), text_area(LIMIT), _("The step then counts as not done. Somebody is asked again at once.")
    )
    return modal(TAKE_BACK, _("Take back confirmation"), _("Take Back"), [why], pack(step=step.id))


def parse_done(view: dict[str, Any]) -> tuple[str, Proof | None, dict[str, str]]:
    """Return note, proof and faults by field. The service checks whether the step needs a proof."""
    note, link, faults = typed(view, NOTE), typed(view, LINK), {}
    if not note:
        faults[NOTE] = _("Write what you did. It goes on record.")
    elif len(note) > LIMIT:
        faults[NOTE] = _("The note has {count} characters. Shorten it to {limit}.").format(count=len(note), limit=LIMIT)
    if link and not _is_link(link):
        faults[LINK] = _("This is not a link. Paste one that begins with https://")
    return note, Proof(link) if link else None, faults


def _is_link(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    clean = len(text.split()) == 1 and not set(text) & set('<>|"') and text.isprintable()
    return clean and parts.scheme == "https" and bool(parts.hostname) and len(text) <= LONGEST_LINK
