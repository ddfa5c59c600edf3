"""rich_text: sections, lists, quotes and preformatted text with typed inline elements."""

from typing import Any

from tests.sandbox.slack.records import JSON
from tests.sandbox.slack.validation.report import Report

_PARTS = {"rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted"}
_NEEDS = {
    "text": "text",
    "user": "user_id",
    "channel": "channel_id",
    "usergroup": "usergroup_id",
    "emoji": "name",
    "link": "url",
    "date": "timestamp",
    "broadcast": "range",
    "color": "value",
    "team": "team_id",
}


def check_rich_text(report: Report, block: JSON, at: str) -> None:
    """Report unknown parts and inline elements, and those without their required field."""
    for number, part in enumerate(report.items(block, "elements", 1000, at)):
        _check_part(report, part, f"{at}/elements/{number}")
    report.known(block, {"type", "block_id", "elements"}, at)


def _check_part(report: Report, part: Any, at: str) -> None:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind not in _PARTS:
        report.add(f"unsupported type: {kind}", at)
        return
    if kind == "rich_text_list":
        report.one_of(part, "style", {"bullet", "ordered"}, at)
    for number, element in enumerate(report.items(part, "elements", 1000, at, least=0)):
        here = f"{at}/elements/{number}"
        if kind == "rich_text_list":
            _check_part(report, element, here)
        else:
            _check_inline(report, element, here)


def _check_inline(report: Report, element: Any, at: str) -> None:
    kind = element.get("type") if isinstance(element, dict) else None
    if kind not in _NEEDS:
        report.add(f"unsupported type: {kind}", at)
    elif element.get(_NEEDS[kind]) in (None, ""):
        report.add(f"missing required field: {_NEEDS[kind]}", at)
    elif kind == "date" and not isinstance(element.get("format"), str):
        report.add("missing required field: format", at)
