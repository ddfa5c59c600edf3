"""Forms that ask for a reason: to decline a proposal, to reveal a name."""

from typing import Any

from bot.slack.forms.fields import field, modal, text_area, typed
from bot.slack.messages.blocks import pack, section
from bot.text import _

DECLINE, REVEAL = "decline_proposal", "reveal_name"
REASON = "reason"
LIMIT = 500


def decline(proposal: str, digest: str, channel: str, ts: str) -> dict[str, Any]:
    """Return the form that declines one version of a proposal."""
    why = field(REASON, _("Why?"), text_area(LIMIT), _("HR and all people who are asked see this."))
    metadata = pack(proposal=proposal, digest=digest, channel=channel, ts=ts)
    return modal(DECLINE, _("Decline this proposal"), _("Decline Proposal"), [why], metadata)


def reveal(snapshot: str) -> dict[str, Any]:
    """Return the form that reveals the name behind a pseudonym."""
    said = section(_("Only you will see the name. Your own name, the time and your reason go on record permanently."))
    why = field(REASON, _("Why do you need the name?"), text_area(LIMIT))
    return modal(REVEAL, _("Reveal the name"), _("Reveal Name"), [said, why], pack(snapshot=snapshot))


def parse(view: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the reason, and faults by field."""
    why = typed(view, REASON)
    if not why:
        return "", {REASON: _("Write a reason. It goes on record.")}
    if len(why) > LIMIT:
        return "", {
            REASON: _("The reason has {count} characters. Shorten it to {limit}.").format(count=len(why), limit=LIMIT)
        }
    return why, {}
