"""Refusals in words for a terminal: the same sentences as in Slack, and what to do next as a command."""

from collections.abc import Mapping

from bot.errors import refusal
from bot.text import N_
from workflows.refusals import Next, Refused

NEXT: Mapping[Next, str] = {
    Next.NOTHING_CHANGED: N_("Nothing was changed."),
    Next.SHOW_CASE: N_("`handover status EMAIL` shows where the case stands."),
    Next.CANCEL_CASE: N_("See it with `handover status EMAIL`. Cancel it first if it is wrong."),
    Next.LIST_CASES: N_("`handover status --all` shows all cases."),
    Next.LIST_FINDINGS: N_("`handover findings` shows the open ones."),
    Next.LIST_DELEGATIONS: N_("`handover delegate` lists them."),
    Next.DECIDE_NEWEST: N_("`handover decide EMAIL` shows the newest version. Decide on that one."),
    Next.CHOOSE_AGAIN: N_("`handover proposal EMAIL` lists them. Choose one of those."),
    Next.CHOOSE_SUCCESSOR: N_("Name at least one with --successor."),
    Next.CHOOSE_TIME: N_("Give a later day, or `now` to lock at once."),
    Next.CHOOSE_RETURN: N_("Give a day after the first day of leave with --return-on."),
    Next.CHOOSE_PERIOD: N_("Give other days with --from and --until."),
    Next.GIVE_PROOF: N_("Add it with --proof, or write the link into --note."),
    Next.SAY_WHOSE: N_("Say whose answer this is with --for ADDRESS."),
}
"""Next steps at a terminal. `bot.errors` has those in Slack."""
ISOLATES = dict.fromkeys(map(ord, "\u2068\u2069"))


def refused(error: Refused) -> str:
    """Return a refusal as plain text, without direction marks, which a terminal shows as boxes."""
    return refusal(error, NEXT).translate(ISOLATES)
