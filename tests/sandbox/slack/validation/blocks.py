"""Limits per block and per surface (`message`, `modal`, `home`)."""

from collections.abc import Callable
from typing import Any

from tests.sandbox.slack.records import JSON
from tests.sandbox.slack.validation import tables
from tests.sandbox.slack.validation.elements import ACCESSORIES, ACTIONS, INPUTS, check_element, check_image
from tests.sandbox.slack.validation.report import Report
from tests.sandbox.slack.validation.rich import check_rich_text

Check = Callable[[Report, JSON, str], None]
BLOCKS_PER = {"message": 50, "modal": 100, "home": 100}
MARKDOWN_CHARACTERS = 12_000


def check_blocks(report: Report, blocks: Any, surface: str, at: str = "/blocks") -> None:
    """All blocks of a surface, with what counts over the whole of it."""
    if not isinstance(blocks, list):
        report.add("must be an array", at)
        return
    if len(blocks) > BLOCKS_PER[surface]:
        report.add(f"no more than {BLOCKS_PER[surface]} items allowed", at)
    for number, block in enumerate(blocks):
        check_block(report, block, surface, f"{at}/{number}")
    known = [block for block in blocks if isinstance(block, dict)]
    _check_ids(report, known, at)
    _check_totals(report, known, at)


def check_block(report: Report, block: Any, surface: str, at: str) -> None:
    """One block."""
    kind = block.get("type") if isinstance(block, dict) else None
    check = _CHECKS.get(str(kind))
    if check is None or surface not in _SURFACES.get(str(kind), {surface}):
        report.add(f"unsupported type: {kind}", f"{at}/type")
        return
    report.string(block, "block_id", 255, at)
    check(report, block, at)


def _check_ids(report: Report, blocks: list[JSON], at: str) -> None:
    ids = [block["block_id"] for block in blocks if block.get("block_id")]
    for double in sorted({name for name in ids if ids.count(name) > 1}):
        report.add(f"block_id already exists: {double}", at)


def _check_totals(report: Report, blocks: list[JSON], at: str) -> None:
    by = {kind: [block for block in blocks if block.get("type") == kind] for kind in _CHECKS}
    if len(by["table"]) > 1:
        report.add("only one table allowed", at)
    if len(by["data_visualization"]) > 2:
        report.add("only two data visualizations allowed", at)
    if sum(tables.characters(block) for block in by["table"]) > tables.TABLE_CHARACTERS:
        report.add(f"table cells must be less than {tables.TABLE_CHARACTERS + 1} characters in total", at)
    if sum(tables.characters(block) for block in by["data_table"]) > tables.DATA_TABLE_CHARACTERS:
        report.add(f"data table cells must be less than {tables.DATA_TABLE_CHARACTERS + 1} characters in total", at)
    if sum(len(str(block.get("text", ""))) for block in by["markdown"]) > MARKDOWN_CHARACTERS:
        report.add(f"markdown must be less than {MARKDOWN_CHARACTERS + 1} characters in total", at)


def _section(report: Report, block: JSON, at: str) -> None:
    report.text(block, "text", 3000, at, required="fields" not in block)
    for number, item in enumerate(report.items(block, "fields", 10, at, least=0)):
        report.text_object(item, 2000, f"{at}/fields/{number}")
    if "fields" in block and not block["fields"]:
        report.add("must have at least 1 items", f"{at}/fields")
    if "accessory" in block:
        check_element(report, block["accessory"], ACCESSORIES, f"{at}/accessory")
    report.known(block, {"type", "block_id", "text", "fields", "accessory", "expand"}, at)


def _actions(report: Report, block: JSON, at: str) -> None:
    elements = report.items(block, "elements", 25, at)
    for number, element in enumerate(elements):
        check_element(report, element, ACTIONS, f"{at}/elements/{number}")
    ids = [element.get("action_id") for element in elements if isinstance(element, dict) and element.get("action_id")]
    if len(set(ids)) < len(ids):
        report.add("action_id must be unique within the block", f"{at}/elements")
    report.known(block, {"type", "block_id", "elements"}, at)


def _context(report: Report, block: JSON, at: str) -> None:
    for number, element in enumerate(report.items(block, "elements", 10, at)):
        if isinstance(element, dict) and element.get("type") == "image":
            check_image(report, element, f"{at}/elements/{number}")
        else:
            report.text_object(element, 3000, f"{at}/elements/{number}")
    report.known(block, {"type", "block_id", "elements"}, at)


def _header(report: Report, block: JSON, at: str) -> None:
    report.text(block, "text", 150, at, required=True, plain=True)
    report.known(block, {"type", "block_id", "text", "level"}, at)


def _divider(report: Report, block: JSON, at: str) -> None:
    report.known(block, {"type", "block_id"}, at)


def _image(report: Report, block: JSON, at: str) -> None:
    check_image(report, block, at)
    report.text(block, "title", 2000, at, plain=True)


def _input(report: Report, block: JSON, at: str) -> None:
    report.text(block, "label", 2000, at, required=True, plain=True)
    report.text(block, "hint", 2000, at, plain=True)
    check_element(report, block.get("element"), INPUTS, f"{at}/element")
    report.known(block, {"type", "block_id", "label", "hint", "element", "optional", "dispatch_action"}, at)


def _markdown(report: Report, block: JSON, at: str) -> None:
    report.string(block, "text", MARKDOWN_CHARACTERS, at, required=True)


def _alert(report: Report, block: JSON, at: str) -> None:
    report.text(block, "text", 200, at, required=True)
    report.one_of(block, "level", {"default", "info", "warning", "error", "success"}, at)


def _card(report: Report, block: JSON, at: str) -> None:
    if not block.keys() & {"hero_image", "title", "actions", "body"}:
        report.add("must have a hero_image, title, actions or body", at)
    for key, limit in (("title", 150), ("subtitle", 150), ("body", 200)):
        report.text(block, key, limit, at)
    for number, element in enumerate(report.items(block, "actions", 3, at, least=0)):
        check_element(report, element, {"button"}, f"{at}/actions/{number}")


def _carousel(report: Report, block: JSON, at: str) -> None:
    for number, card in enumerate(report.items(block, "elements", 10, at)):
        check_block(report, card, "message", f"{at}/elements/{number}")


def _container(report: Report, block: JSON, at: str) -> None:
    report.text(block, "title", 150, at, required="rich_text_title" not in block, plain=True)
    report.text(block, "subtitle", 150, at)
    for number, child in enumerate(report.items(block, "child_blocks", 10, at)):
        check_block(report, child, "message", f"{at}/child_blocks/{number}")


def _task(report: Report, block: JSON, at: str) -> None:
    report.string(block, "task_id", 255, at, required=True)
    report.string(block, "title", 3000, at, required=True)
    report.one_of(block, "status", {"pending", "in_progress", "complete", "error"}, at)


def _plan(report: Report, block: JSON, at: str) -> None:
    report.string(block, "title", 3000, at, required=True)
    for number, task in enumerate(report.items(block, "tasks", 50, at, least=0)):
        _task(report, task, f"{at}/tasks/{number}")


_CHECKS: dict[str, Check] = {
    "section": _section,
    "actions": _actions,
    "context": _context,
    "header": _header,
    "divider": _divider,
    "image": _image,
    "input": _input,
    "markdown": _markdown,
    "alert": _alert,
    "card": _card,
    "carousel": _carousel,
    "container": _container,
    "task_card": _task,
    "plan": _plan,
    "rich_text": check_rich_text,
    "table": tables.check_table,
    "data_table": tables.check_data_table,
    "data_visualization": tables.check_chart,
}
_SURFACES = {
    "markdown": {"message"},
    "plan": {"message"},
    "task_card": {"message"},
    "alert": {"modal"},
    "carousel": {"message", "home"},
    "container": {"message", "home"},
    "table": {"message", "home"},
    "data_table": {"message", "home"},
    "data_visualization": {"message", "home"},
}
