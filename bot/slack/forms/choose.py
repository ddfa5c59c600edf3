"""The form to choose the leaver, for a command without a person or with a bare name."""

from typing import Any

from bot.slack.forms.fields import field, modal, picked
from bot.slack.messages.blocks import section
from bot.text import _

CALLBACK = "choose_leaver"
PERSON = "person"


def build(problem: str = "") -> dict[str, Any]:
    """Return the form. `problem`: why the person must be chosen again, in Slack's markup."""
    blocks = [section(problem)] if problem else []
    blocks.append(
        field(
            PERSON,
            _("Who leaves?"),
            {"type": "users_select"},
            _("Choose from the list. Names are not unique, so Handover never looks people up by name."),
        )
    )
    return modal(CALLBACK, _("Offboard someone"), _("Show Plan"), blocks, "")


def parse(view: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the chosen person's id, and faults by field."""
    person = picked(view, PERSON)
    return person, {} if person else {PERSON: _("Choose the person who leaves.")}
