"""Fields of modals, and their submitted values."""

from collections.abc import Sequence
from datetime import date, time
from typing import Any

from bot.errors import UserFacingError
from bot.slack.messages.blocks import Block, given, words
from bot.text import _, mrkdwn

FIELD = "value"
REASON, REASON_LIMIT = "reason", 500
FILE = "file"


class InvalidForm(UserFacingError):
    """Faults of a submitted form, by field."""

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__("\n".join(mrkdwn(fault, 300) for fault in faults.values()))
        self.faults = faults


def refuse(faults: dict[str, str]) -> None:
    """Raise `InvalidForm` if there are faults."""
    if faults:
        raise InvalidForm(faults)


def field(block_id: str, label: str, element: Block, hint: str = "", *, optional: bool = False) -> Block:
    """Return an input block. Its element has a fixed action id."""
    return {
        "type": "input",
        "block_id": block_id,
        "label": words(label, 2000),
        "optional": optional,
        "element": {"action_id": FIELD, **element},
        **given(hint=hint and words(hint, 2000)),
    }


def text_line(limit: int, initial: str = "") -> Block:
    """Return an element for one line of text."""
    return {"type": "plain_text_input", "max_length": limit, **given(initial_value=initial)}


def text_area(limit: int) -> Block:
    """Return an element for several lines of text."""
    return {**text_line(limit), "multiline": True}


def reason_field(label: str, hint: str = "") -> Block:
    """Return the field for a reason."""
    return field(REASON, label, text_area(REASON_LIMIT), hint)


def file_field(hint: str = "", *, optional: bool = False) -> Block:
    """Return the field for one CSV file."""
    element = {"type": "file_input", "filetypes": ["csv"], "max_files": 1}
    return field(FILE, _("CSV file"), element, hint, optional=optional)


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


def picked_day(view: dict[str, Any], block_id: str) -> date | None:
    """Return the chosen day of a field, or None."""
    try:
        return date.fromisoformat(picked(view, block_id))
    except ValueError:
        return None


def picked_time(view: dict[str, Any], block_id: str) -> time | None:
    """Return the chosen time of a field, or None."""
    try:
        return time.fromisoformat(str(state(view, block_id).get("selected_time") or ""))
    except ValueError:
        return None


def picked_file(view: dict[str, Any]) -> str:
    """Return the id of the uploaded file; empty if there is none."""
    files = state(view, FILE).get("files") or [{}]
    return str(files[0].get("id", ""))


def reason_faults(reason: str) -> dict[str, str]:
    """Return the fault of a reason that is missing or too long."""
    if not reason:
        return {REASON: _("Write a reason. It goes on record.")}
    if len(reason) > REASON_LIMIT:
        text = _("The reason has {count} characters. Shorten it to {limit}.")
        return {REASON: text.format(count=len(reason), limit=REASON_LIMIT)}
    return {}


def parse_reason(view: dict[str, Any]) -> str:
    """Return the reason. Raises `InvalidForm`."""
    reason = typed(view, REASON)
    refuse(reason_faults(reason))
    return reason
