"""A split of clients: a chart and lines by colleague, lines and options of the clients, those that stay."""

from collections.abc import Sequence
from decimal import Decimal

from bot.slack.messages.blocks import Block, actions, button, context, option, pack, paragraphs
from bot.slack.messages.phrases import bar, clients, money, records, short
from bot.text import _, listed, mrkdwn, ngettext, number, plain, punctuated
from workflows.clients.views import ClientLine, ExclusionLine, ProposalView, Share
from workflows.people import Successor
from workflows.storage.rows.clients import AssignmentState

SUCCESSORS = "proposal_successors"
POINTS = 20
"""Slack's limit for a chart: 20 points a series (docs.slack.dev, data visualization block)."""
SHOWN = 20
"""Most successors in the message itself. A button shows all of them."""
CHOICES = 100
"""Slack's limit of options in one answer. Typing narrows the options, so every client can be found."""
QUIET = (AssignmentState.PROPOSED, AssignmentState.APPROVED, AssignmentState.DECLINED)
"""States that no line repeats, because the headline shows them for all clients."""


def build(view: ProposalView) -> list[Block]:
    """Return a line per successor, and a button if there are more successors."""
    blocks = paragraphs(lines(view.shares[:SHOWN]))
    left = len(view.shares) - SHOWN
    if left > 0:
        more = ngettext("… and {count} more colleague", "… and {count} more colleagues", left).format(count=left)
        blocks += [
            context(more),
            actions(f"successors_{view.digest[:40]}", button(_("All Colleagues"), SUCCESSORS, pack(proposal=view.id))),
        ]
    return blocks


def lines(shares: Sequence[Share]) -> list[str]:
    """Return a line per successor with a bar of text."""
    most = max((sum(share.value.values(), Decimal(0)) for share in shares), default=Decimal(0))
    every = sum(share.families for share in shares)
    return [_share(share, float(most), every) for share in shares]


def _share(share: Share, most: float, every: int) -> str:
    worth = float(sum(share.value.values(), Decimal(0)))
    drawn = bar(worth, most) if most else bar(share.families, every)
    value = money(share.value)
    text = _("*{name}*: {clients}, {records}").format(
        name=mrkdwn(share.successor.name), records=records(share.records), clients=clients(share.families)
    )
    if share.deals:
        text += punctuated(", ") + deals(share.deals)
    text = punctuated("{text} ({value})").format(text=text, value=value) if value else text
    return " ".join(filter(None, (text, drawn)))


def deals(count: int) -> str:
    """Return `3 open deals`."""
    return ngettext("{count:,} open deal", "{count:,} open deals", count).format(count=count)


def kept(exclusions: Sequence[ExclusionLine], name: str) -> list[str]:
    """Return a sentence for each exclusion of clients."""
    return [
        ngettext(
            "{clients} ({records}) stays with {name}: {reason} (decided by {by})",
            "{clients} ({records}) stay with {name}: {reason} (decided by {by})",
            exclusion.clients,
        ).format(
            clients=clients(exclusion.clients),
            records=records(exclusion.records),
            name=mrkdwn(name),
            reason=short(exclusion.reason),
            by=mrkdwn(exclusion.by),
        )
        for exclusion in exclusions
    ]


def chart(view: ProposalView) -> list[Block]:
    """Return the chart of clients by successor; none where Slack has no chart of so many."""
    return [_chart(view.shares)] if 1 < len(view.shares) <= POINTS else []


def _chart(shares: Sequence[Share]) -> Block:
    # Numbered, because a chart merges categories of the same name.
    labels = [f"{number} {plain(share.successor.name, 16)}" for number, share in enumerate(shares, 1)]
    points = [{"label": label, "value": share.families} for label, share in zip(labels, shares, strict=True)]
    return {
        "type": "data_visualization",
        "title": _("Clients by colleague"),
        "chart": {
            "type": "bar",
            "series": [{"name": _("Clients"), "data": points}],
            "axis_config": {"categories": labels, "x_label": _("Colleague"), "y_label": _("Clients")},
        },
    }


def client_line(client: ClientLine) -> str:
    """Return one client in Slack's markup."""
    parts = [
        records(client.records),
        deals(client.deals) if client.deals else "",
        money(client.value) or _("no value"),
        mrkdwn(client.sensitivity, 30),
    ]
    states = fates(client)
    what = punctuated("• {name} ({facts})").format(
        name=mrkdwn(client.name, 60), facts=punctuated(", ").join(filter(None, parts))
    )
    return f"{what} → {mrkdwn(client.successor.name, 40)}{f' · {states}' if states else ''}"


def fates(client: ClientLine) -> str:
    """Return what happened to a client's records, with their number: `2 refused`."""
    told = {state: many for state, many in client.states.items() if state not in QUIET}
    text = _("{count} {state}")
    return listed(text.format(count=number(many), state=mrkdwn(_(state))) for state, many in told.items())


def where(shown: int, total: int, first: int) -> str:
    """Return the position of this page in the whole list."""
    return _("Clients {first:,} to {last:,} of {total:,}").format(
        first=first + 1 if shown else 0, last=first + shown, total=total
    )


def choices(found: Sequence[ClientLine]) -> list[Block]:
    """Return clients as options of a select with search."""
    return [
        option(plain(client.name, 75) or client.client_id[:75], client.id, _now(client)) for client in found[:CHOICES]
    ]


def _now(client: ClientLine) -> str:
    owner = _("now to {name}, {records}").format(name=client.successor.name, records=records(client.records))
    return plain(owner, 75)


def people(successors: Sequence[Successor], typed: str) -> list[Block]:
    """Return the successors whose name or address has all typed words, as options."""
    words = typed.casefold().split()
    found = [who for who in successors if all(word in f"{who.name}\n{who.email}".casefold() for word in words)]
    return [option(plain(who.name, 75) or who.key[:75], who.key[:150], plain(who.email, 75)) for who in found[:CHOICES]]
