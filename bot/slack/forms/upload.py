"""The form that takes a CSV file, and what is told of its faults."""

from collections.abc import Sequence
from typing import Any

from bot.slack.forms.fields import field, modal, state
from bot.slack.messages.blocks import Block, context, pack, paragraphs, section
from bot.text import _, mrkdwn, ngettext
from workflows.clients.views import LineFault

CALLBACK, FILE = "upload_clients", "file"
SHOWN = 40
"""Faults in the modal; all of them come as a file where there are more."""


def build(proposal: str, digest: str, channel: str, ts: str) -> dict[str, Any]:
    """Return the form."""
    said = section(
        _(
            "Get the CSV of this proposal, change the column “address” (each successor's e-mail address), and "
            "hand it in here. It is taken as a whole or not at all, and makes a new version."
        )
    )
    metadata = pack(proposal=proposal, digest=digest, channel=channel, ts=ts)
    return modal(CALLBACK, _("Upload a CSV"), _("Upload CSV"), [said, file_field()], metadata)


def file_field(hint: str = "", *, optional: bool = False) -> Block:
    """Return the field for one CSV file."""
    element = {"type": "file_input", "filetypes": ["csv"], "max_files": 1}
    return field(FILE, _("CSV file"), element, hint, optional=optional)


def parse(view: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the file's id, and faults by field."""
    files = state(view, FILE).get("files") or []
    return (str(files[0].get("id", "")), {}) if files else ("", {FILE: _("Choose a CSV file.")})


def faults(found: Sequence[LineFault]) -> list[Block]:
    """Return what is wrong, by line; the rest is counted."""
    point = ngettext(
        "*Nothing was changed: {count:,} line is at fault.*",
        "*Nothing was changed: {count:,} lines are at fault.*",
        len(found),
    ).format(count=len(found))
    left = len(found) - SHOWN
    more = [context(_("… and {count:,} more; all of them are in a file in our direct messages.").format(count=left))]
    lines = [f"• {where(one)}: {mrkdwn(one.what, 250)}" for one in found[:SHOWN]]
    return [
        section(point),
        *paragraphs(lines),
        *(more if left > 0 else []),
        context(_("Correct the file, and hand it in again.")),
    ]


def where(fault: LineFault) -> str:
    """Return the line as people count it."""
    return _("line {line:,}").format(line=fault.line) if fault.line else _("the file")
