"""The proposal: who would receive which clients, to be approved as shown, changed, or declined."""

from collections.abc import Sequence
from decimal import Decimal

from bot.messages import requests
from bot.messages.blocks import (
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
from bot.messages.words import bar, clients, money, records, short
from bot.text import N_, _, moment, mrkdwn, ngettext, plain
from workflows.model import AssignmentState, ProposalState
from workflows.views import ProposalView, RecordLine, Share

APPROVE, DECLINE, CHANGE, PAGE, CSV = (
    "proposal_approve",
    "proposal_decline",
    "proposal_change",
    "proposal_page",
    "proposal_csv",
)
PER_PAGE = 20
MOST_SHARES = 40
SETTLED = {
    ProposalState.DRAFT: N_("Being prepared; it can be decided once every record is listed."),
    ProposalState.PENDING: N_("Nobody has decided yet."),
    ProposalState.APPROVED: N_("✓ Approved by {by} {at}."),
    ProposalState.DECLINED: N_("✗ Declined by {by} {at}. {note}"),
    ProposalState.SUPERSEDED: N_("Replaced by a newer version {at}; this one can no longer be decided. {note}"),
    ProposalState.CANCELLED: N_("The offboarding was cancelled by {by} {at}; there is nothing to decide. {note}"),
    ProposalState.EXPIRED: N_("Expired {at}: not everybody who must agree answered in time, so nothing moves. {note}"),
}


def build(view: ProposalView, lines: Sequence[RecordLine], total: int, page: int = 0, viewer: str = "") -> Message:
    """Return the message; a settled proposal has no buttons and says who, when and what.

    `viewer`: Slack id of whose message it is; who has answered already has nothing to press any more.
    """
    pending = view.state is ProposalState.PENDING
    asked = requests.of(view, viewer) if viewer else None
    point = headline(view)
    blocks: list[Block] = [header(point), section(_summary(view)), *paragraphs(_shares(view)), *requests.blocks(view)]
    if lines:
        blocks += [divider(), *paragraphs([_line(line) for line in lines]), context(_where(len(lines), total, page))]
    if pending:
        paging = _paging(view, total, page)
        blocks.append(actions(f"page_{view.digest[:40]}", *paging))
        if not viewer or not view.requests or (asked and asked.awaits(viewer)):
            blocks.append(actions(f"decide_{view.digest[:40]}", *_deciding(view)))
    else:
        blocks.append(section(outcome(view)))
    text = _("Version {version} of case {case} · {why}") if view.version > 1 else _("Case {case} · {why}")
    blocks.append(context(text.format(version=view.version, case=mrkdwn(view.case_id), why=short(view.why))))
    return message(mrkdwn(point, 400), blocks)


def headline(view: ProposalView) -> str:
    """Return the point in plain text."""
    name = plain(view.leaver.name, 80)
    if view.state is ProposalState.PENDING:
        return ngettext(
            "Approve the handover of {count:,} record of {name}?",
            "Approve the handover of {count:,} records of {name}?",
            view.records,
        ).format(count=view.records, name=name)
    return _("Handover of {count:,} records of {name}: {state}").format(
        count=view.records, name=name, state=_state(view.state)
    )


def outcome(view: ProposalView) -> str:
    """Return who settled it, when, and how."""
    at = moment(view.settled_at) if view.settled_at else ""
    return _(SETTLED[view.state]).format(by=mrkdwn(view.settled_by), at=at, note=short(view.note, 600)).strip()


def _state(state: ProposalState) -> str:
    return {
        ProposalState.DRAFT: _("being prepared"),
        ProposalState.PENDING: _("waiting"),
        ProposalState.APPROVED: _("approved"),
        ProposalState.DECLINED: _("declined"),
        ProposalState.SUPERSEDED: _("replaced"),
        ProposalState.CANCELLED: _("cancelled"),
        ProposalState.EXPIRED: _("expired"),
    }[state]


def _summary(view: ProposalView) -> str:
    text = _("{records} of {clients}, proposed for {colleagues}.")
    if view.state in (ProposalState.DRAFT, ProposalState.PENDING):
        text = _("{records} of {clients} go to {colleagues}. Nothing moves until {name} approves exactly this.")
    said = [
        text.format(
            records=records(view.records),
            clients=clients(view.families),
            colleagues=ngettext("{count} colleague", "{count} colleagues", len(view.shares)).format(
                count=len(view.shares)
            ),
            name=requests.waits_for(view),
        )
    ]
    if view.staying:
        said.append(
            _("{records} more stay with {name}: the system lets nobody change their owner.").format(
                records=records(view.staying), name=mrkdwn(view.leaver.name)
            )
        )
    if view.note and view.state is ProposalState.PENDING:
        said.append(_("Note: {note}").format(note=short(view.note, 600)))
    return "\n".join(said)


def _shares(view: ProposalView) -> list[str]:
    most = max((sum(share.value.values(), Decimal(0)) for share in view.shares), default=Decimal(0))
    shown = [_share(share, float(most), view.records) for share in view.shares[:MOST_SHARES]]
    left = len(view.shares) - MOST_SHARES
    return shown if left <= 0 else [*shown, _("… and {count} more colleagues; the CSV has them all").format(count=left)]


def _share(share: Share, most: float, every: int) -> str:
    worth = float(sum(share.value.values(), Decimal(0)))
    drawn = bar(worth, most) if most else bar(share.records, every)
    value = money(share.value)
    text = _("*{name}*: {records} of {clients}").format(
        name=mrkdwn(share.successor.name), records=records(share.records), clients=clients(share.families)
    )
    return " ".join(part for part in (text, f"({value})" if value else "", drawn) if part)


def _line(line: RecordLine) -> str:
    value = f"{line.value:,.0f} {mrkdwn(line.currency)}".strip() if line.value else _("no value")
    state = "" if line.state in (AssignmentState.PROPOSED, AssignmentState.APPROVED) else f" · {mrkdwn(line.state)}"
    family = f"{mrkdwn(line.family_name, 60)} · " if line.family_name and line.family_name != line.name else ""
    note = f" · {short(line.note, 80)}" if line.note else ""
    what = f"{family}{mrkdwn(line.name, 60)} ({mrkdwn(line.kind, 20)}, {value})"
    return f"• {what} → {mrkdwn(line.successor.name, 40)}{state}{note}"


def _where(shown: int, total: int, page: int) -> str:
    return _("Records {first:,} to {last:,} of {total:,}, by system, those of one client together").format(
        first=page * PER_PAGE + 1, last=page * PER_PAGE + shown, total=total
    )


def _paging(view: ProposalView, total: int, page: int) -> list[Block]:
    turned = []
    if page > 0:
        turned.append(button(_("Previous"), f"{PAGE}:previous", pack(proposal=view.id, page=page - 1)))
    if (page + 1) * PER_PAGE < total:
        turned.append(button(_("Next"), f"{PAGE}:next", pack(proposal=view.id, page=page + 1)))
    bound = pack(proposal=view.id, digest=view.digest)
    return [*turned, button(_("Change Clients"), CHANGE, bound), button(_("Get CSV"), CSV, pack(proposal=view.id))]


def _deciding(view: ProposalView) -> list[Block]:
    bound = pack(proposal=view.id, digest=view.digest)
    label = ngettext("Approve {count:,} Record", "Approve {count:,} Records", view.records).format(count=view.records)
    return [button(label, APPROVE, bound, "primary"), button(_("Decline"), DECLINE, bound)]
