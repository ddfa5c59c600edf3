"""The preview of a split, before anybody is asked."""

from typing import Any

from bot.slack.forms import notice
from bot.slack.messages.blocks import Block, context, paragraphs, section
from bot.slack.messages.phrases import clients, records, short
from bot.slack.messages.split import lines
from bot.text import _
from workflows.clients.views import Preview


def build(seen: Preview) -> dict[str, Any]:
    """Return the view."""
    point = _("*{clients} ({records}) would go to:*").format(
        clients=clients(seen.families), records=records(seen.records)
    )
    blocks: list[Block] = [section(point), *paragraphs(lines(seen.shares))]
    said = [short(note) for note in seen.notes]
    if seen.staying:
        said.append(
            _("Staying: {records}. The system lets nobody change their owner.").format(records=records(seen.staying))
        )
    said += [_("? not read and not counted here: {why}").format(why=short(why)) for why in seen.problems]
    blocks += paragraphs(said)
    blocks.append(context(_("Read just now. Nothing was written, and nobody was asked. Go back to change the form.")))
    return notice.notice(_("Preview of the split"), blocks)
