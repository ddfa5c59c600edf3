"""The proposal of a split, to be approved as shown, changed, or declined."""

from collections.abc import Sequence

from bot.slack.messages import requests, split
from bot.slack.messages.blocks import (
    Block,
    Message,
    actions,
    button,
    context,
    header,
    menu,
    message,
    pack,
    paragraphs,
    section,
    table,
)
from bot.slack.messages.phrases import clients, for_a_time, money, records, short
from bot.text import N_, _, day, listed, moment, mrkdwn, ngettext, plain, punctuated
from workflows.clients.views import ClientLine, ProposalView
from workflows.storage.rows.clients import ProposalState

APPROVE, DECLINE, CHANGE, PAGE, CSV, KEEP, FIND, UPLOAD = (
    "proposal_approve",
    "proposal_decline",
    "proposal_change",
    "proposal_page",
    "proposal_csv",
    "proposal_keep",
    "proposal_find",
    "proposal_upload",
)
PER_PAGE = 10
SETTLED = {
    ProposalState.DRAFT: N_("Being prepared. It can be decided once every record is listed."),
    ProposalState.PENDING: N_("Nobody has decided yet."),
    ProposalState.APPROVED: N_("✓ Approved by {by} {at}."),
    ProposalState.DECLINED: N_("✗ Declined by {by} {at}. {note}"),
    ProposalState.SUPERSEDED: N_("Replaced by a newer version {at}. This one can no longer be decided. {note}"),
    ProposalState.CANCELLED: N_("The offboarding was cancelled by {by} {at}. There is nothing to decide. {note}"),
    ProposalState.EXPIRED: N_("Expired {at}: not everybody answered in time, so nothing moves. {note}"),
}
STATES = {
    ProposalState.DRAFT: N_("being prepared"),
    ProposalState.PENDING: N_("waiting"),
    ProposalState.APPROVED: N_("approved"),
    ProposalState.DECLINED: N_("declined"),
    ProposalState.SUPERSEDED: N_("replaced"),
    ProposalState.CANCELLED: N_("cancelled"),
    ProposalState.EXPIRED: N_("expired"),
}


def build(
    view: ProposalView,
    lines: Sequence[ClientLine],
    total: int,
    page: int = 0,
    viewer: str = "",
    *,
    chart: bool = True,
    duties: Sequence[Block] = (),
) -> Message:
    """Return the message. A settled proposal shows the outcome, and has no buttons except those to read all pages.

    `viewer`: Slack id of the message's reader. A reader who has answered gets no buttons to decide.
    `duties`: the part in which the reader decides on the leaver's duties.
    """
    pending = view.state is ProposalState.PENDING
    asked = requests.of(view, viewer) if viewer else None
    point = headline(view)
    blocks: list[Block] = [header(point), section(_summary(view))]
    if not pending:
        blocks.append(section(outcome(view)))
    if view.state is not ProposalState.SUPERSEDED:  # the newer version's message shows this part
        blocks += split.build(view)
        blocks += [*paragraphs(split.kept(view.kept, view.leaver.name)), *requests.happened(view)]
        blocks += [section(mrkdwn(one, 2500)) for one in view.told]
    if pending:
        label = ngettext("Approve {count:,} Record", "Approve {count:,} Records", view.records)
        decides = not viewer or not view.requests or bool(asked and asked.awaits(viewer))
        rest = menu(*_reading(view), *_changing(view))
        answers = _answers(view, label.format(count=view.records)) if decides else []
        blocks.append(actions(f"decide_{view.digest[:40]}", *answers, rest))
    blocks += duties
    if lines:
        blocks += [table(_rows(lines)), context(split.where(len(lines), total, page * PER_PAGE))]
    pages = paging(view, total, page)
    if not pending and total > PER_PAGE:  # all pages of a settled proposal can still be read
        pages += _reading(view)
    if pages:
        blocks.append(actions(f"page_{view.digest[:40]}", *pages))
    if chart and view.state is not ProposalState.SUPERSEDED:
        blocks += split.chart(view)
    text = _("Version {version} of case {case} · {why}") if view.version > 1 else _("Case {case}")
    blocks.append(context(text.format(version=view.version, case=mrkdwn(view.case_id), why=short(view.why))))
    return message(mrkdwn(point, 400), blocks)


def _rows(lines: Sequence[ClientLine]) -> list[list[str]]:
    """Return clients as rows of a table, with what happened to their records."""
    rows = [[_("Client"), _("Value"), _("Goes to")]]
    for line in lines:
        name = plain(line.name, 60)
        if line.sensitivity:
            name = punctuated("{name} ({tier})").format(name=name, tier=plain(line.sensitivity, 30))
        goes = " · ".join(filter(None, (plain(line.successor.name, 40), split.fates(line))))
        rows.append([name, plain(money(line.value)), goes])
    return rows


def headline(view: ProposalView) -> str:
    """Return the headline in plain text."""
    if view.state is not ProposalState.PENDING:
        return settled(view, view.records)
    text = ngettext(
        "Approve the handover of {count:,} record of {name}?",
        "Approve the handover of {count:,} records of {name}?",
        view.records,
    )
    return text.format(count=view.records, name=plain(view.leaver.name, 80))


def settled(view: ProposalView, count: int) -> str:
    """Return the headline of a settled proposal, or of a share of so many records, in plain text."""
    text = ngettext(
        "Handover of {count:,} record of {name}: {state}", "Handover of {count:,} records of {name}: {state}", count
    )
    return text.format(count=count, name=plain(view.leaver.name, 80), state=_(STATES[view.state]))


def outcome(view: ProposalView) -> str:
    """Return how the proposal was settled, by whom and when."""
    at = moment(view.settled_at) if view.settled_at else ""
    return _(SETTLED[view.state]).format(by=mrkdwn(view.settled_by), at=at, note=short(view.note, 600)).strip()


def _summary(view: ProposalView) -> str:
    colleagues = ngettext("{count} colleague", "{count} colleagues", len(view.shares)).format(count=len(view.shares))
    facts = {"records": records(view.records), "clients": clients(view.families), "colleagues": colleagues}
    lines = [_("{records} of {clients}, proposed for {colleagues}.").format(**facts)]
    if view.state in (ProposalState.DRAFT, ProposalState.PENDING):
        text = ngettext(
            "Nothing moves until {who} approves exactly this{until}.",
            "Nothing moves until {who} approve exactly this{until}.",
            requests.missing(view),
        )
        lines = [*_asked(view), text.format(who=requests.needs(view), until=_until(view))]
    if view.state is ProposalState.APPROVED and view.last_day and not view.tried:
        lines.append(_("The records move on {day}.").format(day=day(view.last_day)))
    if view.until:
        lines.append(for_a_time(view.leaver.name, view.until))
    if view.staying:
        staying = _("{records} more stay with {name}: the system lets nobody change their owner.")
        lines.append(staying.format(records=records(view.staying), name=mrkdwn(view.leaver.name)))
    if view.sensitivities:
        counted = sorted(view.sensitivities.items())
        tiers = listed(f"{mrkdwn(word, 30)} {clients(number)}" for word, number in counted)
        lines.append(_("Sensitivity: {tiers}.").format(tiers=tiers))
    if view.note and view.state is ProposalState.PENDING:
        lines.append(_("Note: {note}").format(note=short(view.note, 600)))
    return "\n".join(lines)


def _asked(view: ProposalView) -> list[str]:
    """Return who asks and why: the person leaves on a day, or is away. No other reason is for an approver."""
    if not view.asked_by or view.last_day is None:
        return []
    text = _("{by} asks, for a leave from {day}.") if view.until else _("{by} asks. Last day: {day}.")
    return [text.format(by=mrkdwn(view.asked_by, 80), day=day(view.last_day))]


def _until(view: ProposalView) -> str:
    """Return by when the first answer is needed, as the end of a sentence."""
    ends = min((one.expires_at for one in view.requests if one.expires_at and one.awaited), default=None)
    return _(", by {at}").format(at=moment(ends)) if ends else ""


def paging(view: ProposalView, total: int, page: int) -> list[Block]:
    """Return the buttons to the pages before and after."""
    turned = []
    if page > 0:
        turned.append(button(_("Previous"), f"{PAGE}:previous", pack(proposal=view.id, page=page - 1)))
    if (page + 1) * PER_PAGE < total:
        turned.append(button(_("Next"), f"{PAGE}:next", pack(proposal=view.id, page=page + 1)))
    return turned


def _reading(view: ProposalView) -> list[Block]:
    named = pack(proposal=view.id)
    return [button(_("Find Clients"), FIND, named), button(_("Get CSV"), CSV, named)]


def _changing(view: ProposalView) -> list[Block]:
    bound = pack(proposal=view.id, digest=view.digest)
    return [
        button(_("Change Clients"), CHANGE, bound),
        button(_("Keep Clients"), KEEP, bound),
        button(_("Upload CSV"), UPLOAD, bound),
    ]


def deciding(view: ProposalView, label: str) -> Block:
    """Return the buttons to approve and to decline."""
    return actions(f"decide_{view.digest[:40]}", *_answers(view, label))


def _answers(view: ProposalView, label: str) -> list[Block]:
    bound = pack(proposal=view.id, digest=view.digest)
    return [button(label, APPROVE, bound, "primary"), button(_("Decline"), DECLINE, bound)]
