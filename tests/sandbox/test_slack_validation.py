"""Slack's limits on content: each passes at the limit and fails one beyond it."""

from typing import Any

import pytest

from tests.sandbox.slack.example_messages import mrkdwn, plain
from tests.sandbox.slack.records import JSON
from tests.sandbox.slack.validation import problems


def _section(text: str) -> JSON:
    return {"type": "section", "text": mrkdwn(text)}


def _option(number: int) -> JSON:
    return {"text": plain(str(number)), "value": str(number)}


def _actions(**element: Any) -> list[JSON]:
    return [{"type": "actions", "elements": [{"action_id": "a", **element}]}]


def _modal(**more: Any) -> JSON:
    return {"type": "modal", "title": plain("T"), "blocks": [_section("x")], **more}


def _series(name: str, labels: list[str]) -> JSON:
    return {"name": name, "data": [{"label": label, "value": 1} for label in labels]}


def _chart(labels: list[str], *series: JSON) -> list[JSON]:
    chart = {"type": "bar", "axis_config": {"categories": labels}, "series": list(series)}
    return [{"type": "data_visualization", "title": "t", "chart": chart}]


def _table(kind: str, rows: int, **more: Any) -> list[JSON]:
    return [{"type": kind, "rows": [[{"type": "raw_text", "text": "x"}] for _ in range(rows)], **more}]


def _input(**more: Any) -> JSON:
    return {
        "type": "input",
        "block_id": "i",
        "label": plain("L"),
        "element": {"type": "plain_text_input", "action_id": "v"},
        **more,
    }


@pytest.mark.parametrize(
    ("fine", "wrong", "pointer"),
    [
        ([_section("x" * 3000)], [_section("x" * 3001)], "/blocks/0/text/text"),
        (
            [{"type": "section", "fields": [mrkdwn("x" * 2000)]}],
            [{"type": "section", "fields": [mrkdwn("x" * 2001)]}],
            "/blocks/0/fields/0/text",
        ),
        (
            [{"type": "section", "fields": [mrkdwn("x")] * 10}],
            [{"type": "section", "fields": [mrkdwn("x")] * 11}],
            "/blocks/0/fields",
        ),
        ([_section("x")] * 50, [_section("x")] * 51, "/blocks"),
        (
            [{"type": "header", "text": plain("x" * 150)}],
            [{"type": "header", "text": plain("x" * 151)}],
            "/blocks/0/text/text",
        ),
        (
            _actions(type="button", text=plain("x" * 75)),
            _actions(type="button", text=plain("x" * 76)),
            "/blocks/0/elements/0/text/text",
        ),
        (
            _actions(type="button", text=plain("x"), value="v" * 2000),
            _actions(type="button", text=plain("x"), value="v" * 2001),
            "/value",
        ),
        (
            _actions(type="static_select", options=[_option(n) for n in range(100)]),
            _actions(type="static_select", options=[_option(n) for n in range(101)]),
            "/options",
        ),
        (
            _actions(type="checkboxes", options=[_option(n) for n in range(10)]),
            _actions(type="checkboxes", options=[_option(n) for n in range(11)]),
            "/options",
        ),
        (
            _actions(type="overflow", options=[_option(n) for n in range(5)]),
            _actions(type="overflow", options=[_option(n) for n in range(6)]),
            "/options",
        ),
        (_table("table", 100), _table("table", 101), "/blocks/0/rows"),
        (_table("table", 2), _table("table", 2) * 2, "/blocks"),
        (_table("data_table", 101, caption="c"), _table("data_table", 102, caption="c"), "/blocks/0/rows"),
        (_table("data_table", 2, caption="c"), _table("data_table", 2), "missing required field: caption"),
        (_chart(["a"], _series("s", ["a"])), _chart(["a"], _series("s", ["b"])), "/series/0/data"),
        (_chart(["a" * 20], _series("s", ["a" * 20])), _chart(["a" * 21], _series("s", ["a" * 21])), "/categories"),
        (_chart(["a"], _series("s", ["a"])) * 2, _chart(["a"], _series("s", ["a"])) * 3, "only two"),
        ([{"type": "markdown", "text": "x" * 12000}], [{"type": "markdown", "text": "x" * 12001}], "/blocks/0/text"),
        ([_section("x") | {"block_id": "a"}], [_section("x") | {"block_id": "a"}] * 2, "block_id already exists"),
        (_modal(), _modal(title=plain("x" * 25)), "/view/title/text"),
        (_modal(blocks=[_input()], submit=plain("Go")), _modal(blocks=[_input()]), "submit button is required"),
        (_modal(private_metadata="x" * 3000), _modal(private_metadata="x" * 3001), "/private_metadata"),
        (_modal(blocks=[_section("x")] * 100), _modal(blocks=[_section("x")] * 101), "/view/blocks"),
        (_modal(), _modal(blocks=_table("table", 2)), "unsupported type: table"),
        (
            {"text": "x", "metadata": {"event_type": "e", "event_payload": {"a": {"b": 1}}}},
            {"text": "x", "metadata": {"event_type": "e", "event_payload": {"a": {"b": {"c": 1}}}}},
            "/metadata",
        ),
        ([_section("x")], [_section("x") | {"colour": "red"}], "additional property: colour"),
        ([_section("x")], [{"type": "sectoin"}], "unsupported type"),
    ],
)
def test_the_limit_itself_passes_and_one_more_does_not(fine: Any, wrong: Any, pointer: str) -> None:
    assert problems(fine) == []
    assert any(pointer in line for line in problems(wrong)), problems(wrong)
