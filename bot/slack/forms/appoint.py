"""The form that adds a person to an approval request."""

from typing import Any

from bot.slack.forms.fields import field, modal, picked
from bot.slack.messages.blocks import pack
from bot.text import _

CALLBACK, WHO = "appoint", "who"


def build(proposal: str, role: str) -> dict[str, Any]:
    """Return the form."""
    hint = _("A full member who stays and is not asked yet. People asked before can still decide.")
    who = field(WHO, _("Person to decide"), {"type": "users_select"}, hint)
    return modal(CALLBACK, _("Ask someone else"), _("Ask"), [who], pack(proposal=proposal, role=role))


def parse(view: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the person's id, and faults by field."""
    who = picked(view, WHO)
    return who, {} if who else {WHO: _("Choose a colleague.")}
