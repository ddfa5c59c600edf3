"""Lists of clients after a handover: a successor marks theirs, a manager reads those without a known contact."""

from collections.abc import Sequence
from typing import Any

from bot.slack.forms.fields import field, modal, text_line
from bot.slack.messages import stayed
from bot.slack.messages.blocks import Block, actions, button, context, pack, paragraphs, section, words
from bot.slack.messages.split import where
from bot.text import _, mrkdwn
from workflows.clients.stayed.views import ClientStay, ClientToMark
from workflows.storage.rows.clients import ClientWord

OWN, SILENT = "mark_own_clients", "silent_clients"
ANSWER, TURN_OWN, TURN_SILENT = "client_answer", "own_clients_page", "silent_clients_page"
SEARCH_OWN, SEARCH_SILENT = "search_own_clients", "search_silent_clients"
PER_PAGE, SHOWN = 15, 25


def mark(note: str, found: Sequence[ClientToMark], total: int, search: str = "", page: int = 0) -> dict[str, Any]:
    """Return one page of a successor's clients, each with the word that was given and three buttons."""
    blocks: list[Block] = []
    for number, one in enumerate(found):
        blocks.append(section(f"*{mrkdwn(one.name, 120)}*\n{stayed.answer(one.answer)}"))
        facts: dict[str, str | int] = {"note": note, "system": one.system, "client": one.id, "search": search}
        labels = ((ClientWord.CONTACTED, _("Contacted")), (ClientWord.NOT_REACHED, _("Not Reached")))
        every = (*labels, (ClientWord.OBJECTS, _("Objects")))
        buttons = [button(label, f"{ANSWER}:{word}", pack(**facts, word=word, page=page)) for word, label in every]
        blocks.append(actions(f"client:{number}", *buttons))
    return _list(OWN, SEARCH_OWN, TURN_OWN, {"note": note}, blocks, total, search, page, PER_PAGE, len(found))


def silent(check: str, found: Sequence[ClientStay], total: int, search: str = "", page: int = 0) -> dict[str, Any]:
    """Return one page of the clients of a report without a known contact."""
    blocks = [
        *paragraphs([stayed.line(one) for one in found]),
        *([actions("file", button(_("Get CSV"), stayed.CSV, pack(check=check)))] if found else []),
    ]
    return _list(SILENT, SEARCH_SILENT, TURN_SILENT, {"check": check}, blocks, total, search, page, SHOWN, len(found))


def _list(
    callback: str,
    block_id: str,
    turn: str,
    facts: dict[str, str],
    blocks: list[Block],
    total: int,
    search: str,
    page: int,
    most: int,
    shown: int,
) -> dict[str, Any]:
    """Return a list with search and pages."""
    element = {**text_line(200, search), "dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]}}
    hint = _("A part of the client's name. Then press Enter.")
    asked: Block = {**field(block_id, _("Search"), element, hint, optional=True), "dispatch_action": True}
    if not blocks:
        nothing = _("Nothing was found for “{text}”. Try a shorter part of the name. An empty field shows all.")
        text = nothing.format(text=mrkdwn(search, 80)) if search else _("There is no such client any more.")
        blocks = [section(text)]
    else:
        blocks = [*blocks, context(where(shown, total, page * most))]
    turned = [
        button(label, f"{turn}:{way}", pack(**facts, page=other, search=search))
        for label, way, other, exists in (
            (_("Previous"), "previous", page - 1, page > 0),
            (_("Next"), "next", page + 1, (page + 1) * most < total),
        )
        if exists
    ]
    every = [asked, *blocks, *([actions("turn", *turned)] if turned else [])]
    return {**modal(callback, _("Clients"), _("Search"), every, pack(**facts)), "close": words(_("Close"), 24)}
