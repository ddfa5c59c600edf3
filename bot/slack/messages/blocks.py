"""Block Kit elements of Handover's messages, within Slack's limits (docs.slack.dev, block-kit)."""

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
    """A message: blocks, and the headline as text for notifications and screen readers."""

    text: str
    blocks: tuple[Block, ...]


def message(text: str, blocks: Iterable[Block]) -> Message:
    """Build a message. If there are too many blocks, the last one says how many are not shown."""
    return Message(trim(text, SECTION), fit(list(blocks), MESSAGE_BLOCKS))


def fit(blocks: list[Block], most: int) -> tuple[Block, ...]:
    """Return at most `most` blocks. If blocks are cut, the last one says how many."""
    if len(blocks) <= most:
        return tuple(blocks)
    cut = len(blocks) - most + 1
    more = _("{count} more parts do not fit here. The command line shows all.").format(count=cut)
    return (*blocks[: most - 1], context(more))


def words(text: str, limit: int) -> Block:
    """Return a plain-text object, in which Slack formats no markup and no emoji."""
    return {"type": "plain_text", "text": trim(text, limit), "emoji": False}


def marked(text: str) -> Block:
    """Return a text object in Slack's markup. `verbatim`: Slack guesses no links and no names."""
    return {"type": "mrkdwn", "text": trim(text, SECTION), "verbatim": True}


def header(text: str) -> Block:
    """Return a header block."""
    return {"type": "header", "text": words(text, HEADER)}


def given(**parts: object) -> Block:
    """Return the parts that are not empty."""
    return {name: part for name, part in parts.items() if part}


def section(text: str, accessory: Block | None = None, block_id: str = "") -> Block:
    """Return a section block, with at most one button beside the text."""
    return {"type": "section", "text": marked(text), **given(accessory=accessory, block_id=block_id)}


def paragraphs(lines: Sequence[str]) -> list[Block]:
    """Return lines in as few sections as possible. No line is split."""
    blocks: list[Block] = []
    held: list[str] = []
    for line in lines:
        if held and sum(len(part) + 1 for part in held) + len(line) > SECTION - 100:
            blocks.append(section("\n".join(held)))
            held = []
        held.append(line)
    return [*blocks, section("\n".join(held))] if held else blocks


def context(text: str) -> Block:
    """Return a context block: small print."""
    return {"type": "context", "elements": [marked(text)]}


def divider() -> Block:
    """Return a divider block."""
    return {"type": "divider"}


def actions(block_id: str, *elements: Block) -> Block:
    """Return a row of buttons."""
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def button(label: str, action: str, value: str = "", style: str = "", confirm: Block | None = None) -> Block:
    """Return a button. Screen readers read its label."""
    return {
        "type": "button",
        "action_id": action,
        "text": words(label, BUTTON),
        "accessibility_label": trim(label, BUTTON),
        **given(value=value, style=style, confirm=confirm),
    }


def confirm(title: str, text: str, yes: str) -> Block:
    """Return the confirmation dialog of a dangerous action."""
    return {
        "title": words(title, 100),
        "text": words(text, 300),
        "confirm": words(yes, 30),
        "deny": words(_("Go back"), 30),
        "style": "danger",
    }


def pack(**facts: str | int) -> str:
    """Return ids as JSON for a button's value."""
    return json.dumps(facts, separators=(",", ":"), sort_keys=True)


def unpack(value: str) -> dict[str, Any]:
    """Return the ids in a button's value; empty if `pack` did not write the value."""
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
    return {"text": words(text, 75), "value": value, **given(description=description and words(description, 75))}
