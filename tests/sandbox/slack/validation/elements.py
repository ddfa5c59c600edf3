"""Limits of interactive elements and of what is inside them (options, confirmation dialogs)."""

import re
from typing import Any

from tests.sandbox.slack.records import JSON
from tests.sandbox.slack.validation.report import Report

TEXTS = {"plain_text_input", "email_text_input", "url_text_input", "number_input"}
STATIC = {"static_select", "multi_static_select"}
SELECTS = STATIC | {
    f"{prefix}{kind}_select" for prefix in ("", "multi_") for kind in ("users", "external", "conversations", "channels")
}
PICKERS = {"datepicker", "timepicker", "datetimepicker"}
LISTS = {"checkboxes", "radio_buttons"}
ACTIONS = {"button", "overflow", *PICKERS, *LISTS, *SELECTS}
INPUTS = {*TEXTS, *PICKERS, *LISTS, *SELECTS, "file_input", "rich_text_input"}
ACCESSORIES = {*ACTIONS, "image"}

_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d$")
_KNOWN = {
    "button": {"text", "value", "url", "style", "confirm", "accessibility_label"},
    "overflow": {"options", "confirm"},
    "datepicker": {"initial_date"},
    "timepicker": {"initial_time", "timezone"},
    "datetimepicker": {"initial_date_time"},
    "checkboxes": {"options", "initial_options"},
    "radio_buttons": {"options", "initial_option"},
    "image": {"image_url", "slack_file", "alt_text"},
    "plain_text_input": {"multiline", "min_length", "max_length", "initial_value", "dispatch_action_config"},
    "email_text_input": {"initial_value", "dispatch_action_config"},
    "url_text_input": {"initial_value", "dispatch_action_config"},
    "number_input": {"is_decimal_allowed", "initial_value", "min_value", "max_value", "dispatch_action_config"},
    "file_input": {"filetypes", "max_files"},
    "rich_text_input": {"initial_value", "dispatch_action_config"},
}


def check_element(report: Report, element: Any, allowed: set[str], at: str) -> None:
    """One element in a place that allows these types."""
    if not isinstance(element, dict) or element.get("type") not in allowed:
        report.add(f"unsupported type: {element.get('type') if isinstance(element, dict) else element}", at)
        return
    kind = element["type"]
    report.string(element, "action_id", 255, at)
    report.text(element, "placeholder", 150, at, plain=True)
    if "confirm" in element:
        check_confirm(report, element["confirm"], f"{at}/confirm")
    if kind in _KNOWN:
        report.known(element, _KNOWN[kind] | {"type", "action_id", "placeholder", "confirm", "focus_on_load"}, at)
    _check_kind(report, kind, element, at)


def check_confirm(report: Report, confirm: JSON, at: str) -> None:
    """A confirmation dialog: title 100, text 300, buttons 30."""
    report.text(confirm, "title", 100, at, required=True, plain=True)
    report.text(confirm, "text", 300, at, required=True)
    report.text(confirm, "confirm", 30, at, plain=True)
    report.text(confirm, "deny", 30, at, plain=True)
    report.one_of(confirm, "style", {"primary", "danger"}, at)


def check_options(report: Report, owner: JSON, limit: int, at: str, *, key: str = "options", least: int = 1) -> None:
    """Options: text 75, value 150, no value twice."""
    options = report.items(owner, key, limit, at, least=least)
    for number, option in enumerate(options):
        here = f"{at}/{key}/{number}"
        report.text(option, "text", 75, here, required=True, plain=owner.get("type") not in LISTS)
        report.string(option, "value", 150, here, required=owner.get("type") != "overflow" or "url" not in option)
        report.text(option, "description", 75, here, plain=owner.get("type") not in LISTS)
    values = [option.get("value") for option in options if isinstance(option, dict)]
    if key == "options" and len(set(values)) < len(values):
        report.add("option values must be unique", f"{at}/{key}")


def _check_kind(report: Report, kind: str, element: JSON, at: str) -> None:
    if kind == "button":
        _check_button(report, element, at)
    elif kind == "overflow":
        check_options(report, element, 5, at)
    elif kind in LISTS:
        check_options(report, element, 10, at)
        _check_initial(report, element, element.get("options") or [], at)
    elif kind in SELECTS:
        _check_select(report, kind, element, at)
    elif kind == "image":
        check_image(report, element, at)
    elif kind in TEXTS:
        _check_text_input(report, element, at)
    elif kind in PICKERS:
        _check_picker(report, element, at)


def _check_button(report: Report, element: JSON, at: str) -> None:
    report.text(element, "text", 75, at, required=True, plain=True)
    report.string(element, "value", 2000, at)
    report.string(element, "url", 3000, at)
    report.string(element, "accessibility_label", 75, at)
    report.one_of(element, "style", {"primary", "danger"}, at)


def _check_select(report: Report, kind: str, element: JSON, at: str) -> None:
    if kind in STATIC:
        if "option_groups" in element:
            groups = report.items(element, "option_groups", 100, at)
            for number, group in enumerate(groups):
                report.text(group, "label", 75, f"{at}/option_groups/{number}", required=True, plain=True)
                check_options(report, {"type": kind, **group}, 100, f"{at}/option_groups/{number}")
            options = [option for group in groups for option in group.get("options") or []]
        else:
            check_options(report, element, 100, at)
            options = element.get("options") or []
        _check_initial(report, element, options, at)
    if element.get("max_selected_items", 1) < 1:
        report.add("must be at least 1", f"{at}/max_selected_items")


def _check_initial(report: Report, element: JSON, options: list[JSON], at: str) -> None:
    chosen = list(element.get("initial_options") or []) + (
        [element["initial_option"]] if element.get("initial_option") else []
    )
    if "initial_options" in element and not element["initial_options"]:
        report.add("must have at least 1 items", f"{at}/initial_options")
    if any(option not in options for option in chosen):
        report.add("initial option must be one of the options", at)


def check_image(report: Report, element: JSON, at: str) -> None:
    """An image needs a description and exactly one source."""
    report.string(element, "alt_text", 2000, at, required=True)
    report.string(element, "image_url", 3000, at)
    if ("image_url" in element) == ("slack_file" in element):
        report.add("must provide image_url or slack_file", at)
    elif "image_url" in element and not str(element["image_url"]).startswith(("http://", "https://")):
        report.add("invalid url", f"{at}/image_url")


def _check_text_input(report: Report, element: JSON, at: str) -> None:
    report.string(element, "initial_value", 3000, at)
    low, high = element.get("min_length", 0), element.get("max_length", 3000)
    if not 0 <= low <= 3000 or not 1 <= high <= 3000 or low > high:
        report.add("min_length and max_length must lie within 0 to 3000 in this order", at)
    if element["type"] == "number_input" and not isinstance(element.get("is_decimal_allowed"), bool):
        report.add("missing required field: is_decimal_allowed", at)


def _check_picker(report: Report, element: JSON, at: str) -> None:
    if "initial_date" in element and not _DATE.match(str(element["initial_date"])):
        report.add("must be a date like 2026-11-30", f"{at}/initial_date")
    if "initial_time" in element and not _TIME.match(str(element["initial_time"])):
        report.add("must be a time like 17:30", f"{at}/initial_time")
    if "initial_date_time" in element and len(str(element["initial_date_time"])) != 10:
        report.add("must be a UNIX time of 10 digits", f"{at}/initial_date_time")
