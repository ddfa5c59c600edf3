"""The form that undoes a handover. It shows the effect from a fresh read, and its button then carries it out."""

from typing import Any

from bot.slack.forms.fields import field, modal, typed
from bot.slack.messages.blocks import pack, section
from bot.slack.messages.moves import kept
from bot.slack.messages.phrases import records
from bot.text import _, mrkdwn
from workflows.clients.views import PutBackView

CALLBACK, SEARCH = "put_back", "search"


def build(plan: PutBackView) -> dict[str, Any]:
    """Return the form with the effect, as read just now."""
    name = mrkdwn(plan.leaver.name, 80)
    said = _("{back} of {all} would go back to {name}. Nothing is changed yet.").format(
        back=records(plan.back), all=f"{plan.asked:,}", name=name
    )
    if plan.waiting:
        said += "\n" + _(
            "⚠ {count} must wait: {name} is locked out, and records cannot go to a locked account. "
            "Press *Give Access Back* in the case message first."
        ).format(count=records(plan.waiting), name=name)
    hint = _("A part of a client's name. After a change here the button only reads again and changes nothing.")
    element = {"type": "plain_text_input", "max_length": 100}
    if plan.search:
        element["initial_value"] = plan.search
    blocks = [
        section(said),
        *(kept(plan.kept, plan.rest) if plan.rest or not plan.waiting else []),
        field(SEARCH, _("Only these clients"), element, hint, optional=True),
    ]
    return modal(
        CALLBACK,
        _("Put clients back"),
        _("Put Clients Back"),
        blocks,
        pack(case=plan.case_id, search=plan.search, waiting=plan.waiting),
    )


def parse(view: dict[str, Any]) -> str:
    """Return the text that selects clients."""
    return typed(view, SEARCH)
