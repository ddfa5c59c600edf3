"""Block Kit elements of Handover's messages, within Slack's limits (docs.slack.dev, block-kit)."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bot.text import _, trim

Block = dict[str, Any]
BUTTON, HEADER, SECTION, VALUE = 75, 150, 3000, 2000
MENU = "menu"
MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
MESSAGE_CHARACTERS = 12_000
"""Characters of a message's blocks as JSON. Slack refuses a message near 13,000 (`msg_blocks_too_long`)."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message: blocks, and the headline as text for notifications and screen readers.

    `rest`: the texts of the blocks that did not fit, which are sent as a file.
    """

    text: str
    blocks: tuple[Block, ...]
    rest: tuple[str, ...] = ()
    short_because: str = ""
    """Reason for which this is sent in place of a whole message, or empty."""


def message(text: str, blocks: Iterable[Block]) -> Message:
    """Build a message. If it is too large for Slack, a block says how much is not shown, and `rest` has it."""
    every = list(blocks)
    shown = shorten(every, MESSAGE_CHARACTERS)
    rest = [line for block in every if block not in shown for line in texts(block)]
    return Message(trim(text, SECTION), tuple(shown), tuple(rest))


def shorten(blocks: list[Block], most: int) -> list[Block]:
    """Return the blocks within Slack's limits: the first ones, and those at the end.

    Buttons belong to the text above them, and are never kept without it.
    """
    if len(blocks) <= MESSAGE_BLOCKS and size(blocks) <= most:
        return blocks
    end = _end(blocks, most // 4)
    room = most - size([*end, _cut(len(blocks))])
    start: list[Block] = []
    for block in blocks:
        room -= size([block])
        if room < 0 or len(start) + len(end) + 1 >= MESSAGE_BLOCKS:
            break
        start.append(block)
    end = [block for block in end if block not in start]
    return [*start, _cut(len(blocks) - len(start) - len(end)), *end]


def _end(blocks: Sequence[Block], most: int) -> list[Block]:
    """Return the last small print and buttons, with the text that the buttons belong to, in so many characters."""
    start = len(blocks)
    while start and blocks[start - 1]["type"] in ("context", "actions") and size(blocks[start - 1 :]) <= most:
        start -= 1
    if start and start < len(blocks) and blocks[start]["type"] == "actions":
        fits = size(blocks[start - 1 :]) <= most
        start += -1 if fits else 1
    return list(blocks[start:])


def size(blocks: Sequence[Block]) -> int:
    """Return the characters of blocks as JSON."""
    return len(json.dumps(blocks, ensure_ascii=False))


def _cut(count: int) -> Block:
    return context(_("{count} more parts do not fit here. The command line shows all.").format(count=count))


def texts(block: object) -> Iterator[str]:
    """Yield every text that a block shows, in order."""
    if isinstance(block, dict):
        if isinstance(block.get("text"), str):
            yield block["text"]
        for name, part in block.items():
            if name != "confirm":  # the question that a button asks
                yield from texts(part)
    elif isinstance(block, list | tuple):
        for part in block:
            yield from texts(part)


def fit(blocks: list[Block], most: int) -> tuple[Block, ...]:
    """Return at most `most` blocks. If blocks are cut, the last one says how many."""
    if len(blocks) <= most:
        return tuple(blocks)
    return (*blocks[: most - 1], _cut(len(blocks) - most + 1))


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


def menu(*buttons: Block) -> Block:
    """Return a menu with at most five buttons that stand behind the others. Choosing one is pressing it.

    A menu asks one question for all its choices, so a button that asks one has no place in it.
    """
    choices = [
        option(one["text"]["text"], pack(act=one["action_id"], **unpack(one.get("value", "")))) for one in buttons
    ]
    return {"type": "overflow", "action_id": MENU, "options": choices}


def confirm(title: str, text: str, yes: str) -> Block:
    """Return the confirmation dialog of a dangerous action."""
    return {
        "title": words(title, 100),
        "text": words(text, 300),
        "confirm": words(yes, 30),
        "deny": words(_("Go back"), 30),
        "style": "danger",
    }


def emphasize_first(blocks: Iterable[Block]) -> list[Block]:
    """Return the blocks with at most one emphasised button: the first one."""
    shown, done = [], False
    for block in blocks:
        elements = [block["accessory"]] if "accessory" in block else block.get("elements", [])
        kept = []
        for one in elements:
            kept.append({name: part for name, part in one.items() if name != "style" or not done})
            done = done or "style" in one
        if elements:
            block = {**block, **({"accessory": kept[0]} if "accessory" in block else {"elements": kept})}  # noqa: PLW2901
        shown.append(block)
    return shown


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
