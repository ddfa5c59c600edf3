"""Slack's words for messages that it does not take, and what they mean."""

from collections.abc import Iterable
from typing import Any

from slack_sdk.errors import SlackApiError

from bot.errors import slack_error_code
from bot.text import _, punctuated

REFUSED_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format"})
REFUSED_CONTENT = REFUSED_BLOCKS | {
    "msg_too_long",
    "msg_blocks_too_long",
    "invalid_arguments",
    "invalid_arg_name",
    "no_text",
}
"""Slack's words for a message that it will never take. A short one is sent in its place."""


def reason(error: SlackApiError) -> str:
    """Return why a message was not delivered, with what to do."""
    word = slack_error_code(error)
    if word == "ratelimited":
        seconds = _retry_after(error.response.headers.items())
        return _("Slack's rate limit is reached; next try in {seconds} seconds").format(seconds=seconds)
    todo = {
        "not_in_channel": _("invite the bot to the channel"),
        "channel_not_found": _("the channel does not exist, or is private without the bot in it"),
        "is_archived": _("the channel is archived"),
        "missing_scope": _("install the app again with the scopes of `handover manifest`"),
        "invalid_auth": _("the bot token is not valid"),
    }
    said = _("Slack says {word}").format(word=word)
    return punctuated("{said}: {todo}").format(said=said, todo=todo[word]) if word in todo else said


def _retry_after(headers: Iterable[tuple[str, Any]]) -> str:
    return next((str(value) for name, value in headers if name.lower() == "retry-after"), _("some"))
