"""Refusals in a terminal's words: the sentences are written for Slack, whose markup and commands mean nothing here."""

import html
import re

from bot.errors import sentence
from bot.text import _
from workflows.refusals import Code, Refused

COMMANDS = (
    ("/offboard status @person", "handover status EMAIL"),
    ("/offboard list", "handover status --all"),
    ("/offboard audit", "handover audit"),
)
DATE = re.compile(r"<!date\^[^|>]*\|([^>]*)>")
MARKS = dict.fromkeys(map(ord, "\u2060\u2068\u2069"))


def refused(error: Refused) -> str:
    """Return the sentence for a refusal, as plain text."""
    text = html.unescape(DATE.sub(r"\1", sentence(error) or str(error))).translate(MARKS)
    for slack, terminal in COMMANDS:
        text = text.replace(slack, terminal)
    return text


def planned(refusal: str) -> str:
    """Return the sentence for a plan's refusal: a code, with the case's id behind it where there is one."""
    for code in sorted(Code, key=len, reverse=True):
        if refusal == code or refusal.startswith(f"{code} "):
            case = refusal.removeprefix(code).strip()
            return refused(Refused(code, case=case) if case else Refused(code))
    return _(refusal)
