"""The question to a successor who must agree to their own share. It shows no other part of the book."""

from collections.abc import Sequence

from bot.slack.messages import requests
from bot.slack.messages.blocks import (
    Block,
    Message,
    actions,
    button,
    context,
    divider,
    header,
    message,
    pack,
    paragraphs,
    section,
)
from bot.slack.messages.phrases import clients, money, records, short
from bot.slack.messages.proposal import APPROVE, DECLINE, PAGE, PER_PAGE, outcome, state
from bot.text import _, mrkdwn, ngettext, plain
from workflows.clients.views import ProposalView, RecordLine, RequestView
from workflows.storage.rows.clients import ProposalState


def build(
    view: ProposalView, asked: RequestView, lines: Sequence[RecordLine], total: int, page: int, viewer: str
) -> Message:
    """Return the message for the successor of that request."""
    said = headline(view, total, _other(asked, viewer))
    blocks: list[Block] = [
        header(said),
        section(_summary(view, asked, viewer)),
        *paragraphs([requests.line(asked, pending=view.state is ProposalState.PENDING)]),
    ]
    if lines:
        first = page * PER_PAGE + 1
        where = _("Records {first:,} to {last:,} of {total:,}").format(
            first=first, last=first + len(lines) - 1, total=total
        )
        blocks += [divider(), *paragraphs([_line(line) for line in lines]), context(where)]
    if turned := _paging(view, total, page):
        blocks.append(actions(f"page_{view.digest[:40]}", *turned))
    if view.state is not ProposalState.PENDING:
        blocks.append(section(outcome(view)))
    elif asked.awaits(viewer):
        bound = pack(proposal=view.id, digest=view.digest)
        label = ngettext("Take {count:,} Record", "Take {count:,} Records", total).format(count=total)
        deciding = (button(label, APPROVE, bound, "primary"), button(_("Decline"), DECLINE, bound))
        blocks.append(actions(f"decide_{view.digest[:40]}", *deciding))
    return message(mrkdwn(said, 400), blocks)


def point(view: ProposalView, asked: RequestView, viewer: str) -> str:
    """Return the question to a successor in plain text."""
    mine = (one.records for one in view.shares if asked.share and one.successor.key == asked.share.key)
    return headline(view, next(mine, 0), _other(asked, viewer))


def headline(view: ProposalView, count: int, other: str = "") -> str:
    """Return the headline in plain text. `other`: the successor for whom a delegate answers."""
    name = plain(view.leaver.name, 80)
    if view.state is not ProposalState.PENDING:
        return ngettext(
            "Handover of {count:,} record of {name}: {state}", "Handover of {count:,} records of {name}: {state}", count
        ).format(count=count, name=name, state=state(view.state))
    if other:
        return ngettext(
            "Take over {count:,} record of {name} for {other}?",
            "Take over {count:,} records of {name} for {other}?",
            count,
        ).format(count=count, name=name, other=plain(other, 60))
    return ngettext("Take over {count:,} record of {name}?", "Take over {count:,} records of {name}?", count).format(
        count=count, name=name
    )


def _other(asked: RequestView, viewer: str) -> str:
    """Return the successor's name if the share is not the viewer's own, else empty."""
    return asked.share.name if asked.share and asked.share.slack_id not in ("", viewer) else ""


def _summary(view: ProposalView, asked: RequestView, viewer: str) -> str:
    share = next((one for one in view.shares if asked.share and one.successor.key == asked.share.key), None)
    if share is None:
        return _("Your share has changed. A newer message shows it.")
    value, other = money(share.value), _other(asked, viewer)
    if view.state is not ProposalState.PENDING:
        text = _("{records} of {clients}{value}, proposed for {other}.")
        other = share.successor.name
    elif other:
        text = _(
            "{records} of {clients}{value} would go to {other}. You decide while {other} is away. Nothing "
            "moves until everybody who is asked agrees."
        )
    else:
        text = _("{records} of {clients}{value} would become yours. Nothing moves until everybody who is asked agrees.")
    return text.format(
        records=records(share.records),
        clients=clients(share.families),
        value=f" ({value})" if value else "",
        other=mrkdwn(other, 60),
    )


def _line(line: RecordLine) -> str:
    worth = f", {money({line.currency: line.value})}" if line.value else ""
    family = f"{mrkdwn(line.family_name, 60)} · " if line.family_name and line.family_name != line.name else ""
    note = f" · {short(line.note, 80)}" if line.note else ""
    return f"• {family}{mrkdwn(line.name, 60)} ({mrkdwn(line.kind, 20)}{worth}){note}"


def _paging(view: ProposalView, total: int, page: int) -> list[Block]:
    turned = []
    if page > 0:
        turned.append(button(_("Previous"), f"{PAGE}:previous", pack(proposal=view.id, page=page - 1)))
    if (page + 1) * PER_PAGE < total:
        turned.append(button(_("Next"), f"{PAGE}:next", pack(proposal=view.id, page=page + 1)))
    return turned
