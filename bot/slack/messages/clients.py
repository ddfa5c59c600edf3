"""Clients of a proposal, as lines of a message and as options of a select."""

from collections.abc import Sequence

from bot.slack.messages.blocks import Block, option
from bot.slack.messages.phrases import money, records
from bot.slack.messages.split import deals
from bot.text import _, mrkdwn, plain, trim
from workflows.clients.views import ClientLine
from workflows.people import Successor
from workflows.storage.rows.clients import AssignmentState

CHOICES = 100
"""Slack's limit of options in one answer. Typing narrows the options, so every client can be found."""
QUIET = (AssignmentState.PROPOSED, AssignmentState.APPROVED, AssignmentState.DECLINED)
"""States that no line repeats, because the headline shows them for all clients."""


def line(client: ClientLine) -> str:
    """Return one client in Slack's markup."""
    parts = [
        records(client.records),
        deals(client.deals) if client.deals else "",
        money(client.value) or _("no value"),
        mrkdwn(client.sensitivity, 30),
    ]
    states = ", ".join(
        f"{number:,} {mrkdwn(_(state))}" for state, number in client.states.items() if state not in QUIET
    )
    what = f"• {mrkdwn(client.name, 60)} ({', '.join(part for part in parts if part)})"
    return f"{what} → {mrkdwn(client.successor.name, 40)}{f' · {states}' if states else ''}"


def where(shown: int, total: int, first: int) -> str:
    """Return the position of this page in the whole list."""
    return _("Clients {first:,} to {last:,} of {total:,}").format(
        first=first + 1 if shown else 0, last=first + shown, total=total
    )


def choices(clients: Sequence[ClientLine]) -> list[Block]:
    """Return clients as options of a select with search."""
    return [
        option(
            trim(plain(one.name, 75), 75) or one.client_id[:75],
            one.id,
            plain(_("now to {name}, {records}").format(name=one.successor.name, records=records(one.records)), 75),
        )
        for one in clients[:CHOICES]
    ]


def people(successors: Sequence[Successor], typed: str) -> list[Block]:
    """Return the successors whose name or address has all typed words, as options."""
    words = typed.casefold().split()
    found = [one for one in successors if all(word in f"{one.name}\n{one.email}".casefold() for word in words)]
    return [option(plain(one.name, 75) or one.key[:75], one.key[:150], plain(one.email, 75)) for one in found[:CHOICES]]
