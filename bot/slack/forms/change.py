"""Forms that change a proposal: another successor for clients, or an exclusion with a reason."""

from typing import Any

from bot.slack.forms.fields import field, modal, picked, picked_all, text_area, typed
from bot.slack.forms.reasons import LIMIT, REASON
from bot.slack.messages.blocks import Block, pack
from bot.slack.messages.clients import CHOICES
from bot.text import _

CALLBACK, KEEP = "change_clients", "keep_clients"
CLIENTS, ALL_OF, SUCCESSOR = "clients", "all_of", "successor"


def build(proposal: str, digest: str, channel: str, ts: str) -> dict[str, Any]:
    """Return the form. Clients and colleagues are searched on the server, so all of them can be found."""
    blocks = [
        _clients(
            _("Clients"),
            _(
                "Type a part of the name to search all of them. A client goes with all records. "
                "For many clients, upload a CSV file."
            ),
            optional=True,
        ),
        field(ALL_OF, _("Or every client that now goes to"), _search(), optional=True),
        field(
            SUCCESSOR,
            _("Go to"),
            _search(),
            _("This makes a new version of the proposal. It is decided on as a whole."),
        ),
    ]
    metadata = pack(proposal=proposal, digest=digest, channel=channel, ts=ts)
    return modal(CALLBACK, _("Change clients"), _("Change Clients"), blocks, metadata)


def keep(proposal: str, digest: str, channel: str, ts: str) -> dict[str, Any]:
    """Return the form that lets clients stay with the leaver."""
    hint = _("The reason goes on record with your name. HR sees it.")
    why = field(REASON, _("Why do they stay?"), text_area(LIMIT), hint)
    metadata = pack(proposal=proposal, digest=digest, channel=channel, ts=ts)
    which = _clients(
        _("Clients that stay"), _("Type a part of the name to search all of them. A client stays with all records.")
    )
    return modal(KEEP, _("Keep clients"), _("Keep Clients"), [which, why], metadata)


def _clients(label: str, hint: str, *, optional: bool = False) -> Block:
    element = {"type": "multi_external_select", "min_query_length": 0, "max_selected_items": CHOICES}
    return field(CLIENTS, label, element, hint, optional=optional)


def _search() -> Block:
    return {"type": "external_select", "min_query_length": 0}


def parse(view: dict[str, Any]) -> tuple[tuple[tuple[str, ...], str, str], dict[str, str]]:
    """Return the chosen clients, the present successor whose clients are all meant, the new successor, and faults."""
    clients, every, successor = picked_all(view, CLIENTS), picked(view, ALL_OF), picked(view, SUCCESSOR)
    faults = {}
    if not clients and not every:
        faults[CLIENTS] = _("Choose at least one client, or a colleague below.")
    if not successor:
        faults[SUCCESSOR] = _("Choose the colleague who receives them.")
    return (clients, every, successor), faults


def parse_keep(view: dict[str, Any]) -> tuple[tuple[str, ...], str, dict[str, str]]:
    """Return the chosen clients and the reason, and faults by field."""
    clients, why, faults = picked_all(view, CLIENTS), typed(view, REASON), {}
    if not clients:
        faults[CLIENTS] = _("Choose at least one client.")
    if not why:
        faults[REASON] = _("Write a reason. It goes on record.")
    elif len(why) > LIMIT:
        faults[REASON] = _("The reason has {count} characters. Shorten it to {limit}.").format(
            count=len(why), limit=LIMIT
        )
    return clients, why, faults
