"""Slack's limits, checked without Slack. `problems` is what tests of built messages and views call."""

from tests.sandbox.slack.records import JSON
from tests.sandbox.slack.validation.blocks import check_blocks
from tests.sandbox.slack.validation.messages import check_message
from tests.sandbox.slack.validation.report import Report
from tests.sandbox.slack.validation.views import check_view

__all__ = ["problems"]


def problems(thing: JSON | list[JSON]) -> list[str]:
    """Return Slack's errors for blocks (a list), a view (`type` modal or home) or a message; empty if valid."""
    report = Report()
    if isinstance(thing, list):
        check_blocks(report, thing, "message")
    elif thing.get("type") in {"modal", "home"}:
        check_view(report, thing)
    else:
        check_message(report, thing)
    return report.lines
