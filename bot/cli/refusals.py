"""Refusals in a terminal's words: the sentences are written for Slack, whose markup and commands mean nothing here."""

import html
import re

from bot.errors import user_message
from workflows.refusals import Refused

COMMANDS = (
    ("/offboard status @person", "handover status EMAIL"),
    ("/offboard list", "handover status --all"),
    ("/offboard audit", "handover audit"),
)
DATE = re.compile(r"<!date\^[^|>]*\|([^>]*)>")
MARKS = dict.fromkeys(map(ord, "\u2060\u2068\u2069"))


def refused(error: Refused) -> str:
    """Return the sentence for a refusal, as plain text."""
    text = html.unescape(DATE.sub(r"\1", user_message(error) or str(error))).translate(MARKS)
    for slack, terminal in COMMANDS:
        text = text.replace(slack, terminal)
    return text
