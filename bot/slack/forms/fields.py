"""Fields of modals, and their submitted values."""

from collections.abc import Sequence
from typing import Any

from bot.slack.messages.blocks import Block, words
from bot.text import _

FIELD = "value"


def field(block_id: str, label: str, element: Block, hint: str = "", *, optional: bool = False) -> Block:
    """Return an input block. Its element has a fixed action id."""
    block: Block = {
        "type": "input",
        "block_id": block_id,
        "label": words(label, 2000),
        "optional": optional,
        "element": {"action_id": FIELD, **element},
    }
    if hint:
        block["hint"] = words(hint, 2000)
    return block


def text_area(limit: int, initial: str = "") -> Block:
    """Return an element for several lines of text."""
    element: Block = {"type": "plain_text_input", "multiline": True, "max_length": limit}
    return {**element, "initial_value": initial} if initial else element


def modal(callback: str, title: str, submit: str, blocks: Sequence[Block], metadata: str) -> dict[str, Any]:
    """Return a form."""
    return {
        "type": "modal",
        "callback_id": callback,
        "title": words(title, 24),
        "submit": words(submit, 24),
        "close": words(_("Cancel"), 24),
        "private_metadata": metadata,
        "blocks": list(blocks),
    }


def state(view: dict[str, Any], block_id: str) -> dict[str, Any]:
    """Return the submitted state of one field; empty if there is none."""
    found = view.get("state", {}).get("values", {}).get(block_id, {}).get(FIELD)
    return found if isinstance(found, dict) else {}


def typed(view: dict[str, Any], block_id: str) -> str:
    """Return the text of a field."""
    return (state(view, block_id).get("value") or "").strip()


def picked(view: dict[str, Any], block_id: str) -> str:
    """Return the chosen value, person or date of a field."""
    found = state(view, block_id)
    chosen = found.get("selected_option") or {}
    return str(chosen.get("value") or found.get("selected_user") or found.get("selected_date") or "")


def picked_all(view: dict[str, Any], block_id: str) -> tuple[str, ...]:
    """Return every chosen value or person of a field, each once."""
    found = state(view, block_id)
    options = [chosen["value"] for chosen in found.get("selected_options") or []]
    return tuple(dict.fromkeys([*(found.get("selected_users") or []), *options]))
