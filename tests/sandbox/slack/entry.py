"""Entries of a person in elements: state values of payloads, and the entries that Slack's client refuses."""

import re
import secrets
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

from tests.sandbox.slack.records import JSON

SINGLE = {"static_select", "external_select", "radio_buttons", "overflow"}
MULTI = {"multi_static_select", "multi_external_select", "checkboxes"}
_FIELDS = {
    "plain_text_input": "value",
    "email_text_input": "value",
    "url_text_input": "value",
    "number_input": "value",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "file_input": "files",
    "users_select": "selected_user",
    "multi_users_select": "selected_users",
    "channels_select": "selected_channel",
    "multi_channels_select": "selected_channels",
    "conversations_select": "selected_conversation",
    "multi_conversations_select": "selected_conversations",
    **dict.fromkeys(SINGLE, "selected_option"),
    **dict.fromkeys(MULTI, "selected_options"),
}
_INITIAL = {
    "value": "initial_value",
    "files": "initial_files",
    "selected_date": "initial_date",
    "selected_time": "initial_time",
    "selected_date_time": "initial_date_time",
    "selected_user": "initial_user",
    "selected_users": "initial_users",
    "selected_channel": "initial_channel",
    "selected_channels": "initial_channels",
    "selected_conversation": "initial_conversation",
    "selected_conversations": "initial_conversations",
    "selected_option": "initial_option",
    "selected_options": "initial_options",
}


def name_blocks(blocks: Sequence[JSON] | None) -> list[JSON]:
    """A copy in which every block has a block_id and every element an action_id, as Slack hands them out."""
    named = deepcopy(list(blocks or []))
    for block in named:
        block.setdefault("block_id", secrets.token_urlsafe(4))
    for _, element in elements(named):
        element.setdefault("action_id", secrets.token_urlsafe(4))
    return named


def elements(blocks: Sequence[JSON]) -> Iterator[tuple[str, JSON]]:
    """Every interactive element with its block_id, wherever it sits."""
    for block in blocks:
        block_id = str(block.get("block_id", ""))
        inside = [
            block.get("accessory"),
            block.get("element"),
            *(block.get("elements") or []),
            *(block.get("actions") or []),
        ]
        inside += [cell.get("element") for row in block.get("rows") or [] for cell in row if isinstance(cell, dict)]
        for element in inside:
            if isinstance(element, dict) and (element.get("type") == "button" or element.get("type") in _FIELDS):
                yield block_id, element
        yield from elements(block.get("child_blocks") or [])
        if block.get("type") == "carousel":
            yield from elements(block.get("elements") or [])


def find(blocks: Sequence[JSON], what: str, value: str | None = None) -> tuple[str, JSON]:
    """An element by action_id, block_id, label, value or accessibility label; `LookupError` names what there is."""
    every = list(elements(blocks))
    labels = {str(block.get("block_id")): text_of(block.get("label")) for block in blocks}
    matches: list[tuple[str, JSON]] = []
    for fits in (
        lambda block, element: what == element.get("action_id"),
        lambda block, element: what == text_of(element.get("text")),
        lambda block, element: what in {block, labels.get(block)},
        lambda block, element: what in {element.get("value"), element.get("accessibility_label")},
    ):
        matches = [pair for pair in every if fits(*pair) and value in {None, pair[1].get("value")}]
        if matches:
            return matches[0]
    offered = [text_of(element.get("text")) or element.get("action_id") for _, element in every]
    raise LookupError(f"nothing to use called {what!r}; there is {offered}")


def find_choice(blocks: Sequence[JSON], what: str, value: str | None = None) -> tuple[str, JSON, str | None]:
    """An element as `find` has it, or the menu with a choice of this label, and the value of that choice."""
    try:
        return *find(blocks, what, value), None
    except LookupError:
        for block_id, element in elements(blocks):
            for option in element.get("options") or [] if element["type"] == "overflow" else []:
                if what == text_of(option["text"]) and value in {None, option["value"]}:
                    return block_id, element, str(option["value"])
        raise


def text_of(value: Any) -> str:
    """The words of a text object."""
    return str(value.get("text", "")) if isinstance(value, dict) else ""


def initial_values(blocks: Sequence[JSON]) -> dict[str, dict[str, JSON]]:
    """The state before anybody touched it."""
    state: dict[str, dict[str, JSON]] = {}
    for block_id, element in elements(blocks):
        field = _FIELDS.get(element["type"])
        if field and element["type"] != "overflow":
            empty: Any = [] if field.endswith("s") else None
            value = {"type": element["type"], field: element.get(_INITIAL[field], empty)}
            state.setdefault(block_id, {})[str(element["action_id"])] = value
    return state


def options(element: JSON) -> list[JSON]:
    """The options that an element shows, groups flattened."""
    grouped = [option for group in element.get("option_groups") or [] for option in group.get("options") or []]
    return list(element.get("options") or []) + grouped


def chosen(element: JSON, raw: Any, offered: Sequence[JSON] = ()) -> JSON:
    """The state value for what was typed or picked: text, an ISO date, a user id, an option's value or label."""
    kind = element["type"]
    field = _FIELDS[kind]
    if kind in SINGLE:
        return {"type": kind, field: _option(element, raw, offered) if raw not in (None, "") else None}
    if kind in MULTI:
        return {"type": kind, field: [_option(element, one, offered) for one in raw or []]}
    if kind.startswith("multi_") or kind == "file_input":
        return {"type": kind, field: list(raw or [])}
    if kind == "datetimepicker":
        return {"type": kind, field: int(raw) if raw else None}
    return {"type": kind, field: str(raw) if raw not in (None, "") else None}


def _option(element: JSON, raw: Any, offered: Sequence[JSON]) -> JSON:
    every = options(element) + list(offered)
    for option in every:
        if raw in {option.get("value"), text_of(option.get("text"))}:
            return option
    raise LookupError(
        f"no option {raw!r} in {element.get('action_id')}: {[text_of(option.get('text')) for option in every]}"
    )


def content(value: JSON | None) -> Any:
    """Return the content of a state value."""
    return value.get(_FIELDS[value["type"]]) if value else None


def complaints(blocks: Sequence[JSON], values: dict[str, dict[str, JSON]]) -> dict[str, str]:
    """Return the error that Slack's client shows at a field instead of sending the form."""
    found: dict[str, str] = {}
    for block in blocks:
        if block.get("type") == "input":
            element = block["element"]
            held = content(values.get(block["block_id"], {}).get(element["action_id"]))
            wrong = _complaint(element, held, bool(block.get("optional")))
            if wrong:
                found[block["block_id"]] = wrong
    return found


def _complaint(element: JSON, held: Any, optional: bool) -> str:
    if held in (None, "", []):
        return "" if optional else "Please complete this required field."
    most = element.get("max_selected_items")
    if most and isinstance(held, list) and len(held) > most:
        return f"Please select {most} at most."
    check = _COMPLAINTS.get(element["type"])
    return check(element, str(held)) if check else ""


def _email(element: JSON, held: str) -> str:
    return "" if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", held) else "Please enter a valid email address."


def _url(element: JSON, held: str) -> str:
    return "" if re.match(r"https?://\S+$", held) else "Please enter a valid URL."


def _number(element: JSON, held: str) -> str:
    pattern = r"-?\d+(\.\d+)?" if element.get("is_decimal_allowed") else r"-?\d+"
    if not re.fullmatch(pattern, held):
        return "Please enter a number."
    if not float(element.get("min_value", "-inf")) <= float(held) <= float(element.get("max_value", "inf")):
        return "Please enter a number within the allowed range."
    return ""


def _length(element: JSON, held: str) -> str:
    if len(held) < int(element.get("min_length", 0)):
        return f"Please enter at least {element['min_length']} characters."
    if len(held) > int(element.get("max_length", 3000)):
        return f"Please enter at most {element.get('max_length', 3000)} characters."
    return ""


_COMPLAINTS = {"number_input": _number, "email_text_input": _email, "url_text_input": _url, "plain_text_input": _length}
