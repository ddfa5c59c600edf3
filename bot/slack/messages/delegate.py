"""Delegations on the App Home."""

from collections.abc import Sequence
from datetime import timedelta

from bot.slack.messages.blocks import Block, button, divider, header, pack, section
from bot.text import _, day, mrkdwn
from workflows.clients.views import DelegationView

ASK, END = "delegate_ask", "delegate_end"


def part(delegations: Sequence[DelegationView], user: str) -> list[Block]:
    """Return a person's delegations with buttons to end their own and to name a delegate."""
    if not user:
        return []
    ask = button(_("Name a Delegate"), ASK)
    return [
        divider(),
        header(_("While you are away")),
        *(_line(one, user) for one in delegations),
        section(_("A delegate approves handovers in your place for some days."), ask),
    ]


def period(one: DelegationView) -> str:
    """Return the first and the last day. The delegation ends at the end of the last day."""
    return _("{since} to {until}").format(since=day(one.since), until=day(one.until - timedelta(seconds=1)))


def _line(one: DelegationView, user: str) -> Block:
    mine = one.principal.slack_id == user
    text = _("*{delegate}* decides for {principal}, {period}").format(
        delegate=mrkdwn(one.delegate.name, 60), principal=mrkdwn(one.principal.name, 60), period=period(one)
    )
    return section(text, button(_("End Delegation"), END, pack(delegation=one.id)) if mine else None)
