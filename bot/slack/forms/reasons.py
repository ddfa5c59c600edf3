"""Small forms that ask why: declining a proposal, revealing a name."""

from typing import Any

from bot.slack.forms.fields import field, modal, text_area, typed
from bot.slack.messages.blocks import pack, section
from bot.text import _

DECLINE, REVEAL = "decline_proposal", "reveal_name"
REASON = "reason"
LIMIT = 500


def decline(proposal: str, digest: str, channel: str, ts: str) -> dict[str, Any]:
    """Return the form that declines exactly one version of a proposal."""
    why = field(REASON, _("Why?"), text_area(LIMIT), _("HR sees this, and so does everybody who is asked."))
    metadata = pack(proposal=proposal, digest=digest, channel=channel, ts=ts)
    return modal(DECLINE, _("Decline this proposal"), _("Decline Proposal"), [why], metadata)


def reveal(snapshot: str) -> dict[str, Any]:
    """Return the form that opens a pseudonym."""
    said = section(_("The name is shown to you alone. Your own name, the time and your reason go on record for good."))
    why = field(REASON, _("Why do you need the name?"), text_area(LIMIT))
    return modal(REVEAL, _("Reveal the name"), _("Reveal Name"), [said, why], pack(snapshot=snapshot))


def parse(view: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the reason, and faults by field."""
    why = typed(view, REASON)
    if not why:
        return "", {REASON: _("Write a reason: it goes on record.")}
    if len(why) > LIMIT:
        return "", {
            REASON: _("The reason has {count} characters; shorten it to {limit}.").format(count=len(why), limit=LIMIT)
        }
    return why, {}
