"""The part of the App Home about one-time codes for the terminal."""

from bot.slack.messages.blocks import Block, button, divider, section
from bot.text import _

ENROL = "enrol_codes"


def part(enrolled: bool | None) -> list[Block]:
    """Return the part: nothing for people without a role (None)."""
    if enrolled is None:
        return []
    if enrolled:
        return [divider(), section(_("You have one-time codes for `handover` on the server."))]
    said = _("One-time codes let you act with `handover` on the server, also while Slack is down.")
    return [divider(), section(said, button(_("Set Up Codes"), ENROL))]
