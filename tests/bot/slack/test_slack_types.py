"""Every message, form and Home, checked against Slack's own definitions by the compiler of TypeScript."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.slack.messages.blocks import Message
from tests import slack_types
from tests.bot import test_marking
from tests.bot.slack import test_messages
from tests.marking import Data

VIEWS = ("home", "modal")
UNTYPED = ("data_visualization",)
"""Blocks that Slack has and its definitions have not yet."""


@pytest.fixture(scope="module")
def types() -> Path:
    """Return the folder with Slack's definitions."""
    return slack_types.install()


def payloads(thing: Any) -> Iterator[dict[str, Any]]:
    """Yield the blocks of messages, and whole views."""
    if isinstance(thing, Message):
        yield from thing.blocks
    elif isinstance(thing, list | tuple):
        for part in thing:
            yield from payloads(part)
    elif isinstance(thing, dict) and thing.get("type") in VIEWS:
        yield thing


def test_every_payload_has_a_type_of_slacks(types: Path) -> None:
    name = test_messages.NAMES[0]
    built = [*test_messages.messages(name), *test_messages.views(name)]
    marked = [*test_marking.messages_shown(Data()), *test_marking.forms_shown(Data())]
    every = list(payloads([*built, *marked]))
    views = [one for one in every if one["type"] in VIEWS]
    blocks = [one for one in every if one["type"] not in VIEWS]
    assert len({slack_types.shape(one) for one in (*blocks, *views)}) > 50
    assert slack_types.faults([one for one in blocks if one["type"] not in UNTYPED], views, types) == []


def test_wrong_payloads_are_refused_each_by_its_line(types: Path) -> None:
    """The charts are right for Slack. Once its definitions have them, they are no longer refused here."""
    good = {"type": "plain_text", "text": "x"}
    wrong: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": "x"}, "colour": "red"},
        {"type": "header"},
        {"type": "button", "text": good},
        {"type": "actions", "elements": [{"type": "button", "text": good, "style": "good"}]},
        *({"type": name} for name in UNTYPED),
    ]
    told = "\n".join(slack_types.faults(wrong, [{"type": "modal", "blocks": []}], types))
    assert [f"({line}," in told for line in range(1, len(wrong) + 3)] == [False, *[True] * (len(wrong) + 1)]
    assert "colour" in told
