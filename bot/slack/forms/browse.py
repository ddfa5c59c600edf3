"""A modal with the clients of a proposal: a search field, a page of clients, buttons to turn pages."""

from collections.abc import Sequence
from typing import Any

from bot.slack.forms.fields import FIELD, field, modal
from bot.slack.messages import clients
from bot.slack.messages.blocks import Block, actions, button, context, pack, paragraphs, section, words
from bot.text import _, mrkdwn
from workflows.clients.views import ClientLine

CALLBACK, SEARCH, TURN = "browse_clients", "search", "browse_page"
PER_PAGE = 25
LONGEST = 200


def build(proposal: str, found: Sequence[ClientLine], total: int, search: str = "", page: int = 0) -> dict[str, Any]:
    """Return the view with one page of the clients found. `search` stays in the field."""
    element: Block = {
        "type": "plain_text_input",
        "max_length": LONGEST,
        "dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]},
    }
    if search:
        element["initial_value"] = search
    asked = field(
        SEARCH,
        _("Search"),
        element,
        _("A client, a record's name or id, or a colleague. Then press Enter."),
        optional=True,
    )
    blocks: list[Block] = [{**asked, "dispatch_action": True}]
    if found:
        blocks += [
            *paragraphs([clients.line(one) for one in found]),
            context(clients.where(len(found), total, page * PER_PAGE)),
        ]
    else:
        nothing = _("Nothing was found for “{text}”. Try a shorter part of the name. An empty field shows all.")
        blocks.append(section(nothing.format(text=mrkdwn(search, 80))))
    turned = [
        button(label, f"{TURN}:{way}", pack(proposal=proposal, page=other, search=search))
        for label, way, other, exists in (
            (_("Previous"), "previous", page - 1, page > 0),
            (_("Next"), "next", page + 1, (page + 1) * PER_PAGE < total),
        )
        if exists
    ]
    if turned:
        blocks.append(actions("turn", *turned))
    return {
        **modal(CALLBACK, _("Clients"), _("Search"), blocks, pack(proposal=proposal)),
        "close": words(_("Close"), 24),
    }


def just_typed(body: dict[str, Any]) -> str:
    """Return the text of the search field when Enter was pressed."""
    return str(next((one.get("value") for one in body["actions"] if one.get("action_id") == FIELD), "") or "").strip()
