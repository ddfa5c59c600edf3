"""Modals without fields: loading, starting, outcome."""

from collections.abc import Sequence
from typing import Any

from bot.slack.messages.blocks import VIEW_BLOCKS, Block, context, fit, section, words
from bot.text import _


def loading() -> dict[str, Any]:
    """Return the modal shown until the plan is ready."""
    return notice(_("One moment"), [section(_("Reading every system. Nothing is changed."))])


def starting() -> dict[str, Any]:
    """Return the modal shown after a submission until its outcome is known."""
    return notice(
        _("One moment"), [section(_("Starting …")), context(_("You may close this. The outcome is posted as well."))]
    )


def failed(text: str) -> dict[str, Any]:
    """Return the modal shown after a failure. `text`: the error and what to do."""
    return notice(_("This did not work"), [section(text)])


def notice(title: str, blocks: Sequence[Block]) -> dict[str, Any]:
    """Return a modal that only shows blocks."""
    return {
        "type": "modal",
        "callback_id": "notice",
        "title": words(title, 24),
        "close": words(_("Close"), 24),
        "blocks": list(fit(list(blocks), VIEW_BLOCKS)),
    }
