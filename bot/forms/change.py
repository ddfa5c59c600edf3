"""The form that gives single clients of a proposal to another successor."""

from collections.abc import Sequence
from typing import Any

from bot.forms.fields import field, modal, option, picked, picked_all
from bot.messages.blocks import Block, pack
from bot.text import _, plain, trim
from workflows.views import RecordLine, Successor

CALLBACK = "change_clients"
LINES, SUCCESSOR = "lines", "successor"
CHOICES = 100
"""Slack's limit of options in one answer."""


def build(proposal: str, digest: str, successors: Sequence[Successor], channel: str, ts: str) -> dict[str, Any]:
    """Return the form; records are searched on the server, so that none is out of reach."""
    colleagues = [option(plain(successor.name, 70), successor.key[:150]) for successor in successors[:CHOICES]]
    lines = {"type": "multi_external_select", "min_query_length": 0, "max_selected_items": CHOICES}
    blocks = [
        field(LINES, _("Clients"), lines, _("Type a part of the name to search all of them.")),
        field(
            SUCCESSOR,
            _("Go to"),
            {"type": "static_select", "options": colleagues},
            _("This makes a new version of the proposal, which is then decided on as a whole."),
        ),
    ]
    metadata = pack(proposal=proposal, digest=digest, channel=channel, ts=ts)
    return modal(CALLBACK, _("Change clients"), _("Change Clients"), blocks, metadata)


def choices(lines: Sequence[RecordLine]) -> list[Block]:
    """Return records as options of the search."""
    return [
        option(label(line), line.id, plain(_("now to {name}").format(name=line.successor.name), 75))
        for line in lines[:CHOICES]
    ]


def label(line: RecordLine) -> str:
    """Return a record in a few words of plain text."""
    name = line.name if line.name == line.family_name else f"{line.family_name} · {line.name}"
    return trim(plain(name, 75), 75) or line.id[:75]


def parse(view: dict[str, Any]) -> tuple[tuple[tuple[str, ...], str], dict[str, str]]:
    """Return the chosen lines and the successor's key, and faults by field."""
    lines, successor = picked_all(view, LINES), picked(view, SUCCESSOR)
    faults = {}
    if not lines:
        faults[LINES] = _("Choose at least one client.")
    if not successor:
        faults[SUCCESSOR] = _("Choose who receives them.")
    return (lines, successor), faults
