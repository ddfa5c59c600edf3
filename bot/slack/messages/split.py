"""The split of a client book as chart and as lines, and the clients that stay, with reasons."""

from collections.abc import Sequence
from decimal import Decimal

from bot.slack.messages.blocks import Block, actions, button, context, pack, paragraphs
from bot.slack.messages.phrases import bar, clients, money, records, short
from bot.text import _, mrkdwn, ngettext, plain
from workflows.clients.views import ExclusionLine, ProposalView, Share

SUCCESSORS = "proposal_successors"
POINTS = 20
"""Slack's limit for a chart: 20 points a series (docs.slack.dev, data visualization block)."""
SHOWN = 20
"""Most successors in the message itself. A button shows all of them."""


def build(view: ProposalView, *, chart: bool) -> list[Block]:
    """Return a line per successor, a chart if Slack can draw one, and a button if there are more successors."""
    blocks = paragraphs(lines(view.shares[:SHOWN]))
    if chart and 1 < len(view.shares) <= POINTS:
        blocks.append(_chart(view.shares))
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
        text += ", " + deals(share.deals)
    return " ".join(part for part in (text, f"({value})" if value else "", drawn) if part)


def deals(count: int) -> str:
    """Return `3 open deals`."""
    return ngettext("{count:,} open deal", "{count:,} open deals", count).format(count=count)


def kept(lines: Sequence[ExclusionLine], name: str) -> list[str]:
    """Return a sentence for each exclusion of clients."""
    return [_kept(one, name) for one in lines]


def _kept(one: ExclusionLine, name: str) -> str:
    said = ngettext(
        "{clients} ({records}) stays with {name}: {reason} (decided by {by})",
        "{clients} ({records}) stay with {name}: {reason} (decided by {by})",
        one.clients,
    )
    return said.format(
        clients=clients(one.clients),
        records=records(one.records),
        name=mrkdwn(name),
        reason=short(one.reason),
        by=mrkdwn(one.by),
    )


def _chart(shares: Sequence[Share]) -> Block:
    labels = [_label(share, number) for number, share in enumerate(shares, 1)]
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


def _label(share: Share, number: int) -> str:
    # Numbered, because a chart merges categories of the same name.
    return f"{number} {plain(share.successor.name, 16)}"
