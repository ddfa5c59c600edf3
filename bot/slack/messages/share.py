"""The question to a successor who must agree to their own share. It shows no other part of the book."""

from collections.abc import Sequence

from bot.slack.messages import requests
from bot.slack.messages.blocks import Message, actions, context, divider, header, message, paragraphs, section
from bot.slack.messages.phrases import clients, money, records, short
from bot.slack.messages.proposal import PER_PAGE, deciding, outcome, paging, settled
from bot.text import _, mrkdwn, ngettext, plain, punctuated
from workflows.clients.views import ProposalView, RecordLine, RequestView, Share
from workflows.storage.rows.clients import ProposalState


def build(
    view: ProposalView, asked: RequestView, lines: Sequence[RecordLine], total: int, page: int, viewer: str
) -> Message:
    """Return the message for the successor of that request."""
    title = headline(view, total, _other(asked, viewer))
    blocks = [
        header(title),
        section(_summary(view, asked, viewer)),
        *paragraphs([requests.line(asked, pending=view.state is ProposalState.PENDING)]),
    ]
    if lines:
        first = page * PER_PAGE + 1
        where = _("Records {first:,} to {last:,} of {total:,}").format(
            first=first, last=first + len(lines) - 1, total=total
        )
        blocks += [divider(), *paragraphs([_line(line) for line in lines]), context(where)]
    if turned := paging(view, total, page):
        blocks.append(actions(f"page_{view.digest[:40]}", *turned))
    if view.state is not ProposalState.PENDING:
        blocks.append(section(outcome(view)))
    elif asked.awaits(viewer):
        label = ngettext("Take {count:,} Record", "Take {count:,} Records", total)
        blocks.append(deciding(view, label.format(count=total)))
    return message(mrkdwn(title, 400), blocks)


def point(view: ProposalView, asked: RequestView, viewer: str) -> str:
    """Return the question to a successor in plain text."""
    share = _share(view, asked)
    return headline(view, share.records if share else 0, _other(asked, viewer))


def headline(view: ProposalView, count: int, other: str) -> str:
    """Return the headline in plain text. `other`: the successor for whom a delegate answers."""
    if view.state is not ProposalState.PENDING:
        return settled(view, count)
    text = (
        ngettext(
            "Take over {count:,} record of {name} for {other}?",
            "Take over {count:,} records of {name} for {other}?",
            count,
        )
        if other
        else ngettext("Take over {count:,} record of {name}?", "Take over {count:,} records of {name}?", count)
    )
    return text.format(count=count, name=plain(view.leaver.name, 80), other=plain(other, 60))


def _share(view: ProposalView, asked: RequestView) -> Share | None:
    return next((share for share in view.shares if asked.share and share.successor.key == asked.share.key), None)


def _other(asked: RequestView, viewer: str) -> str:
    """Return the successor's name if the share is not the viewer's own, else empty."""
    return asked.share.name if asked.share and asked.share.slack_id not in ("", viewer) else ""


def _summary(view: ProposalView, asked: RequestView, viewer: str) -> str:
    share = _share(view, asked)
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
        value=punctuated(" ({value})").format(value=value) if value else "",
        other=mrkdwn(other, 60),
    )


def _line(line: RecordLine) -> str:
    worth = money({line.currency: line.value}) if line.value else ""
    kind = punctuated(", ").join(filter(None, (mrkdwn(line.kind, 20), worth)))
    family = f"{mrkdwn(line.family_name, 60)} · " if line.family_name and line.family_name != line.name else ""
    note = f" · {short(line.note, 80)}" if line.note else ""
    return punctuated("• {name} ({kind})").format(name=family + mrkdwn(line.name, 60), kind=kind) + note
