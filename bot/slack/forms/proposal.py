"""Forms about a proposal: read, change, keep or upload its clients, decline it.

The metadata has the proposal's id and digest, and the channel and time of its message.
"""

from collections.abc import Sequence
from typing import Any

from bot.slack.forms.fields import (
    FIELD,
    FILE,
    REASON,
    field,
    file_field,
    modal,
    picked,
    picked_all,
    picked_file,
    reason_faults,
    reason_field,
    refuse,
    text_line,
    typed,
)
from bot.slack.messages import split
from bot.slack.messages.blocks import Block, actions, button, context, pack, paragraphs, section, words
from bot.text import _, mrkdwn
from workflows.clients.views import ClientLine

BROWSE, CHANGE, KEEP, UPLOAD = "browse_clients", "change_clients", "keep_clients", "upload_clients"
DECLINE = "decline_proposal"
SEARCH, TURN = "search", "browse_page"
CLIENTS, ALL_OF, SUCCESSOR, NEW = "clients", "all_of", "successor", "new_receiver"
PER_PAGE = 25


def browse(proposal: str, found: Sequence[ClientLine], total: int, search: str = "", page: int = 0) -> dict[str, Any]:
    """Return the view with one page of the clients found. `search` stays in the field."""
    element = {**text_line(200, search), "dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]}}
    hint = _("A client, a record's name or id, or a colleague. Then press Enter.")
    blocks: list[Block] = [{**field(SEARCH, _("Search"), element, hint, optional=True), "dispatch_action": True}]
    if found:
        where = context(split.where(len(found), total, page * PER_PAGE))
        blocks += [*paragraphs([split.client_line(client) for client in found]), where]
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
    view = modal(BROWSE, _("Clients"), _("Search"), blocks, pack(proposal=proposal))
    return {**view, "close": words(_("Close"), 24)}


def just_typed(body: dict[str, Any]) -> str:
    """Return the text of the search field when Enter was pressed."""
    texts = (action.get("value") for action in body["actions"] if action.get("action_id") == FIELD)
    return str(next(texts, "") or "").strip()


def change(metadata: str) -> dict[str, Any]:
    """Return the form. Clients and colleagues are searched on the server, so all of them can be found."""
    hint = _(
        "Type a part of the name to search all of them. A client goes with all records. "
        "For many clients, upload a CSV file."
    )
    version = _("This makes a new version of the proposal. It is decided on as a whole.")
    new = _("Handover checks at once whether their account can own these clients.")
    colleague = {"type": "external_select", "min_query_length": 0}
    blocks = [
        _clients(_("Clients"), hint, optional=True),
        field(ALL_OF, _("Or every client that now goes to"), colleague, optional=True),
        field(SUCCESSOR, _("Go to"), colleague, version, optional=True),
        field(NEW, _("Or to a colleague who is not listed"), {"type": "users_select"}, new, optional=True),
    ]
    return modal(CHANGE, _("Change clients"), _("Change Clients"), blocks, metadata)


def keep(metadata: str) -> dict[str, Any]:
    """Return the form that lets clients stay with the leaver."""
    reason = reason_field(_("Why do they stay?"), _("The reason goes on record with your name. HR sees it."))
    which = _clients(
        _("Clients that stay"), _("Type a part of the name to search all of them. A client stays with all records.")
    )
    return modal(KEEP, _("Keep clients"), _("Keep Clients"), [which, reason], metadata)


def _clients(label: str, hint: str, *, optional: bool = False) -> Block:
    element = {"type": "multi_external_select", "min_query_length": 0, "max_selected_items": split.CHOICES}
    return field(CLIENTS, label, element, hint, optional=optional)


def upload(metadata: str) -> dict[str, Any]:
    """Return the form that takes an assignment file."""
    text = _(
        "Get the CSV of this proposal, change the column “address” (each successor's e-mail address), and "
        "upload it here. The whole file is used, or nothing of it. It makes a new version."
    )
    return modal(UPLOAD, _("Upload a CSV"), _("Upload CSV"), [section(text), file_field()], metadata)


def decline(metadata: str) -> dict[str, Any]:
    """Return the form that declines one version of a proposal."""
    reason = reason_field(_("Why?"), _("HR and all people who are asked see this."))
    return modal(DECLINE, _("Decline this proposal"), _("Decline Proposal"), [reason], metadata)


def parse_change(view: dict[str, Any]) -> tuple[tuple[str, ...], str, str, str]:
    """Return the clients, the present successor whose clients are all meant, and the new one. Raises `InvalidForm`.

    The new one is named by key, or by the Slack id of somebody who is new to the case.
    """
    chosen, every = picked_all(view, CLIENTS), picked(view, ALL_OF)
    successor, new = picked(view, SUCCESSOR), picked(view, NEW)
    faults = {}
    if not chosen and not every:
        faults[CLIENTS] = _("Choose at least one client, or a colleague below.")
    if not (successor or new):
        faults[SUCCESSOR] = _("Choose the colleague who receives them.")
    if successor and new:
        faults[NEW] = _("Choose one colleague, here or above.")
    refuse(faults)
    return chosen, every, successor, new


def parse_keep(view: dict[str, Any]) -> tuple[tuple[str, ...], str]:
    """Return the chosen clients and the reason. Raises `InvalidForm`."""
    chosen, reason = picked_all(view, CLIENTS), typed(view, REASON)
    refuse(({} if chosen else {CLIENTS: _("Choose at least one client.")}) | reason_faults(reason))
    return chosen, reason


def parse_upload(view: dict[str, Any]) -> str:
    """Return the file's id. Raises `InvalidForm`."""
    file = picked_file(view)
    refuse({} if file else {FILE: _("Choose a CSV file.")})
    return file
