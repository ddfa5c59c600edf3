"""The form that takes an assignment file, and the list of the file's faults."""

from collections.abc import Sequence
from typing import Any

from bot.slack.forms.fields import field, modal, state
from bot.slack.messages.blocks import Block, context, pack, paragraphs, section
from bot.text import _, mrkdwn, ngettext
from workflows.clients.views import LineFault

CALLBACK, FILE = "upload_clients", "file"
SHOWN = 40
"""Most faults in the modal. If there are more, all of them are sent as a file."""


def build(proposal: str, digest: str, channel: str, ts: str) -> dict[str, Any]:
    """Return the form."""
    said = section(
        _(
            "Get the CSV of this proposal, change the column “address” (each successor's e-mail address), and "
            "upload it here. The whole file is used, or nothing of it. It makes a new version."
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
    """Return the first faults by line, and the number of the others."""
    point = ngettext(
        "*Nothing was changed: {count:,} line has a fault.*",
        "*Nothing was changed: {count:,} lines have faults.*",
        len(found),
    ).format(count=len(found))
    left = len(found) - SHOWN
    more = [
        context(
            _("… and {count:,} more. Handover sent you all of them as a file in a direct message.").format(count=left)
        )
    ]
    lines = [f"• {where(one)}: {mrkdwn(one.what, 250)}" for one in found[:SHOWN]]
    return [
        section(point),
        *paragraphs(lines),
        *(more if left > 0 else []),
        context(_("Correct the file, and upload it again.")),
    ]


def where(fault: LineFault) -> str:
    """Return the fault's place: its line number, or the whole file."""
    return _("line {line:,}").format(line=fault.line) if fault.line else _("the file")
