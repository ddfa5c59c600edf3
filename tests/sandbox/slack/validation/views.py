"""Limits of modals and Home tabs."""

from tests.sandbox.slack.records import JSON
from tests.sandbox.slack.validation.blocks import check_blocks
from tests.sandbox.slack.validation.report import Report

_MODAL = {
    "type",
    "title",
    "blocks",
    "submit",
    "close",
    "private_metadata",
    "callback_id",
    "clear_on_close",
    "notify_on_close",
    "external_id",
    "submit_disabled",
}
_HOME = {"type", "blocks", "private_metadata", "callback_id", "external_id"}


def check_view(report: Report, view: JSON, at: str = "/view") -> None:
    """A view as given to views.open, .update, .push and .publish."""
    modal = view.get("type") == "modal"
    if not modal and view.get("type") != "home":
        report.add(f"unsupported type: {view.get('type')}", f"{at}/type")
        return
    report.known(view, _MODAL if modal else _HOME, at)
    report.string(view, "private_metadata", 3000, at)
    report.string(view, "callback_id", 255, at)
    report.string(view, "external_id", 255, at)
    if modal:
        _check_modal(report, view, at)
    check_blocks(report, view.get("blocks"), "modal" if modal else "home", f"{at}/blocks")


def _check_modal(report: Report, view: JSON, at: str) -> None:
    report.text(view, "title", 24, at, required=True, plain=True)
    report.text(view, "submit", 24, at, plain=True)
    report.text(view, "close", 24, at, plain=True)
    inputs = [block for block in view.get("blocks") or [] if isinstance(block, dict) and block.get("type") == "input"]
    if inputs and not view.get("submit"):
        report.add("a submit button is required when an input block is within blocks", at)
    pairs = [(block.get("block_id"), (block.get("element") or {}).get("action_id")) for block in inputs]
    named = [pair for pair in pairs if all(pair)]
    if len(set(named)) < len(named):
        report.add("block_id and action_id must be unique together", f"{at}/blocks")
