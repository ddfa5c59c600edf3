"""The few Block Kit pieces that our messages are made of, within Slack's limits (docs.slack.dev, block-kit)."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.text import _, trim

Block = dict[str, Any]
BUTTON, HEADER, SECTION, VALUE = 75, 150, 3000, 2000
MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: blocks, and the same point as text for notifications and screen readers."""

    text: str
    blocks: tuple[Block, ...]


def message(text: str, blocks: Iterable[Block]) -> Message:
    """Make a message; one with too many blocks says how many are not shown instead of failing."""
    return Message(trim(text, SECTION), fit(list(blocks), MESSAGE_BLOCKS))


def fit(blocks: list[Block], most: int) -> tuple[Block, ...]:
    """Keep within `most` blocks, and say so where any had to go."""
    if len(blocks) <= most:
        return tuple(blocks)
    cut = len(blocks) - most + 1
    more = _("{count} more parts do not fit here; the command line shows all.").format(count=cut)
    return (*blocks[: most - 1], context(more))


def words(text: str, limit: int) -> Block:
    """Return plain text: Slack reads no markup and no emoji in it."""
    return {"type": "plain_text", "text": trim(text, limit), "emoji": False}


def marked(text: str) -> Block:
    """Return Slack markup in which nothing but what we wrote is markup (`verbatim`: no links or names guessed)."""
    return {"type": "mrkdwn", "text": trim(text, SECTION), "verbatim": True}


def header(text: str) -> Block:
    """Return a heading."""
    return {"type": "header", "text": words(text, HEADER)}


def section(text: str, accessory: Block | None = None, block_id: str = "") -> Block:
    """Return a paragraph, with at most one button beside it."""
    block: Block = {"type": "section", "text": marked(text)}
    if accessory:
        block["accessory"] = accessory
    if block_id:
        block["block_id"] = block_id
    return block


def paragraphs(lines: Sequence[str]) -> list[Block]:
    """Return lines as few sections as hold them, none cut in the middle."""
    blocks: list[Block] = []
    held: list[str] = []
    for line in lines:
        if held and sum(len(part) + 1 for part in held) + len(line) > SECTION - 100:
            blocks.append(section("\n".join(held)))
            held = []
        held.append(line)
    return [*blocks, section("\n".join(held))] if held else blocks


def context(text: str) -> Block:
    """Return small print."""
    return {"type": "context", "elements": [marked(text)]}


def divider() -> Block:
    """Return a line."""
    return {"type": "divider"}


def actions(block_id: str, *elements: Block) -> Block:
    """Return a row of buttons."""
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def button(label: str, action: str, value: str = "", style: str = "", confirm: Block | None = None) -> Block:
    """Return a button; screen readers hear its label."""
    made: Block = {
        "type": "button",
        "action_id": action,
        "text": words(label, BUTTON),
        "accessibility_label": trim(label, BUTTON),
    }
    if value:
        made["value"] = value
    if style:
        made["style"] = style
    if confirm:
        made["confirm"] = confirm
    return made


def confirm(title: str, text: str, yes: str) -> Block:
    """Return the question before something that cuts access."""
    return {
        "title": words(title, 100),
        "text": words(text, 300),
        "confirm": words(yes, 30),
        "deny": words(_("Go back"), 30),
        "style": "danger",
    }


def pack(**facts: str | int) -> str:
    """Pack ids for a button's value."""
    return json.dumps(facts, separators=(",", ":"), sort_keys=True)


def unpack(value: str) -> dict[str, Any]:
    """Read a button's value; anything else than what `pack` wrote is empty."""
    try:
        facts = json.loads(value)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def table(rows: Sequence[Sequence[str]]) -> Block:
    """Return a table: at most 100 rows with the heading, 20 cells a row, 10,000 characters (table block)."""
    cells = [[{"type": "raw_text", "text": cell or "–"} for cell in row] for row in rows[:100]]
    return {"type": "table", "rows": cells}


def option(text: str, value: str, description: str = "") -> Block:
    """Return one choice of a select or of radio buttons."""
    made: Block = {"text": words(text, 75), "value": value}
    if description:
        made["description"] = words(description, 75)
    return made
