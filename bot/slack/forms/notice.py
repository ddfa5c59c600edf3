"""Modals without fields: loading, starting, what came of it."""

from collections.abc import Sequence
from typing import Any

from bot.slack.messages.blocks import VIEW_BLOCKS, Block, context, fit, section, words
from bot.text import _


def loading() -> dict[str, Any]:
    """Return what stands in the modal until the plan is there."""
    return notice(_("One moment"), [section(_("Looking in every system. Nothing is changed by looking."))])


def starting() -> dict[str, Any]:
    """Return what a submitted form turns into until its outcome is known."""
    return notice(
        _("One moment"),
        [section(_("Starting …")), context(_("You may close this; the outcome is posted in any case."))],
    )


def failed(text: str) -> dict[str, Any]:
    """Return what a form turns into when it did not work; `text` says what to do."""
    return notice(_("This did not work"), [section(text)])


def notice(title: str, blocks: Sequence[Block]) -> dict[str, Any]:
    """Return a view that only says something."""
    return {
        "type": "modal",
        "callback_id": "notice",
        "title": words(title, 24),
        "close": words(_("Close"), 24),
        "blocks": list(fit(list(blocks), VIEW_BLOCKS)),
    }
