"""Clients of a proposal as lines and as options; everything a person needs to judge where each goes."""

from collections.abc import Sequence

from bot.slack.messages.blocks import Block, option
from bot.slack.messages.phrases import money, records
from bot.slack.messages.split import deals
from bot.text import _, mrkdwn, plain, trim
from workflows.clients.views import ClientLine
from workflows.people import Successor
from workflows.storage.rows.clients import AssignmentState

CHOICES = 100
"""Slack's limit of options in one answer; typing narrows them, so that none is out of reach."""
QUIET = (AssignmentState.PROPOSED, AssignmentState.APPROVED, AssignmentState.DECLINED)
"""What the headline says of all of them at once."""


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
    """Return which part of the list this is."""
    return _("Clients {first:,} to {last:,} of {total:,}").format(
        first=first + 1 if shown else 0, last=first + shown, total=total
    )


def choices(clients: Sequence[ClientLine]) -> list[Block]:
    """Return clients as options of a search."""
    return [
        option(
            trim(plain(one.name, 75), 75) or one.client_id[:75],
            one.id,
            plain(_("now to {name}, {records}").format(name=one.successor.name, records=records(one.records)), 75),
        )
        for one in clients[:CHOICES]
    ]


def people(successors: Sequence[Successor], typed: str) -> list[Block]:
    """Return successors as options of a search by name or address."""
    words = typed.casefold().split()
    found = [one for one in successors if all(word in f"{one.name}\n{one.email}".casefold() for word in words)]
    return [option(plain(one.name, 75) or one.key[:75], one.key[:150], plain(one.email, 75)) for one in found[:CHOICES]]
