"""Modals without fields: loading, starting, outcome, the faults of a file, the preview of a split."""

from collections.abc import Sequence
from typing import Any

from bot.slack.messages.blocks import VIEW_BLOCKS, Block, context, fit, paragraphs, section, words
from bot.slack.messages.phrases import clients, records, short
from bot.slack.messages.split import lines
from bot.text import _, mrkdwn, ngettext, punctuated
from workflows.clients.views import LineFault, Preview

SHOWN_FAULTS = 40
"""Most faults of a file in the modal. If there are more, all of them are sent as a file."""


def loading() -> dict[str, Any]:
    """Return the modal shown until the plan is ready."""
    return build(_("One moment"), _("Reading every system. Nothing is changed."))


def starting() -> dict[str, Any]:
    """Return the modal shown after a submission until its outcome is known."""
    small = context(_("You may close this. The outcome is posted as well."))
    return build(_("One moment"), _("Starting …"), small)


def failed(text: str) -> dict[str, Any]:
    """Return the modal shown after a failure. `text`: the error and what to do."""
    return build(_("This did not work"), text)


def build(title: str, *parts: str | Block) -> dict[str, Any]:
    """Return a modal that only shows blocks, and texts in Slack's markup."""
    blocks = [section(part) if isinstance(part, str) else part for part in parts]
    return {
        "type": "modal",
        "callback_id": "notice",
        "title": words(title, 24),
        "close": words(_("Close"), 24),
        "blocks": list(fit(blocks, VIEW_BLOCKS)),
    }


def outcome(view: dict[str, Any]) -> dict[str, Any]:
    """Return a modal whose closing closes the forms below it, too."""
    return {**view, "clear_on_close": True}


def file_faults(title: str, found: Sequence[LineFault]) -> dict[str, Any]:
    """Return a file's first faults by line, and the number of the others."""
    point = ngettext(
        "*Nothing was changed: {count:,} line has a fault.*",
        "*Nothing was changed: {count:,} lines have faults.*",
        len(found),
    ).format(count=len(found))
    line = punctuated("• {place}: {what}")
    faults = [line.format(place=_place(fault), what=mrkdwn(fault.what, 250)) for fault in found[:SHOWN_FAULTS]]
    blocks = paragraphs(faults)
    if (left := len(found) - SHOWN_FAULTS) > 0:
        more = _("… and {count:,} more. Handover sent you all of them as a file in a direct message.")
        blocks.append(context(more.format(count=left)))
    return build(title, point, *blocks, context(_("Correct the file, and upload it again.")))


def _place(fault: LineFault) -> str:
    return _("line {line:,}").format(line=fault.line) if fault.line else _("the file")


def split_preview(seen: Preview) -> dict[str, Any]:
    """Return the preview of a split, before anybody is asked."""
    point = _("*{clients} ({records}) would go to:*").format(
        clients=clients(seen.families), records=records(seen.records)
    )
    notes = [short(note) for note in seen.notes]
    if seen.staying:
        staying = _("Staying: {records}. The system lets nobody change their owner.")
        notes.append(staying.format(records=records(seen.staying)))
    notes += [_("? not read and not counted here: {why}").format(why=short(why)) for why in seen.problems]
    small = context(_("Read just now. Nothing was written, and nobody was asked. Go back to change the form."))
    return build(_("Preview of the split"), point, *paragraphs(lines(seen.shares)), *paragraphs(notes), small)
