"""The message to the person who opened the case, once a proposal is settled."""

from bot.slack.messages.blocks import Message, context, header, message, paragraphs, section
from bot.slack.messages.phrases import listing, money, records
from bot.slack.messages.proposal import headline, outcome
from bot.slack.messages.split import kept
from bot.text import _, day, mrkdwn, ngettext, number, plain, punctuated
from workflows.clients.views import ProposalView, Share
from workflows.storage.rows.clients import AssignmentState, ProposalState

AGAIN = {AssignmentState.REFUSED, AssignmentState.STOPPED, AssignmentState.OBJECTED, AssignmentState.LAPSED}
"""States of records that Retry proposes again."""


def build(view: ProposalView, reader: str = "") -> Message:
    """Return the outcome and the next step. `reader`: somebody who does not see the case message."""
    point, shares = headline(view), []
    if view.state is ProposalState.APPROVED:
        done = _all_moved(view)
        if done or view.tried:
            point = _("Clients of {name}: {moved:,} of {records} moved").format(
                name=plain(view.leaver.name, 80), moved=_moved(view), records=records(view.records)
            )
        if view.tried and not done:
            shares = [section(_("✗ not moved: {fates}").format(fates=_fates(view)))]
        shares += paragraphs([_share(share, done=done, ended=view.tried) for share in view.shares])
    stay = paragraphs(kept(view.kept, view.leaver.name))
    blocks = [header(point), section(outcome(view)), *shares, *stay, context(_ended(view) if reader else _next(view))]
    return message(mrkdwn(point, 400), blocks)


def _all_moved(view: ProposalView) -> bool:
    return bool(view.records) and all(share.moved >= share.records for share in view.shares)


def _moved(view: ProposalView) -> int:
    return sum(share.moved for share in view.shares)


def _fates(view: ProposalView) -> str:
    many = punctuated("{state} ({count})")
    left = {state: number for state, number in view.states.items() if state is not AssignmentState.MOVED}
    return listing((many.format(state=_(state), count=number(count)) for state, count in sorted(left.items())), 10)


def _share(share: Share, *, done: bool, ended: bool) -> str:
    value = money(share.value)
    text = _("• {name}: {moved:,} of {records} moved") if ended else _("• {name}: {moved:,} of {records} moved so far")
    text = _("• {name}: {records}") if done else text
    text = text.format(name=mrkdwn(share.successor.name), records=records(share.records), moved=share.moved)
    return punctuated("{text} ({value})").format(text=text, value=value) if value else text


def _ended(view: ProposalView) -> str:
    """Return what is left to do after the moves, for somebody who is not asked to do it."""
    if _all_moved(view):
        return _("All records were read back. You have nothing to do.")
    if waits := view.states.get(AssignmentState.WAITING):
        return _waiting(waits)
    return _("{name} was told, and decides about the other records.").format(name=mrkdwn(view.asked_by, 80))


def _waiting(count: int) -> str:
    text = ngettext(
        "The system accepted {count} record and has not moved it yet. It is read again until it is.",
        "The system accepted {count} records and has not moved them yet. They are read again until they are.",
        count,
    )
    return text.format(count=number(count))


def _next(view: ProposalView) -> str:
    moving = _("The records are being moved now. The case message shows the progress.")
    if view.last_day and view.settled_at and view.last_day > view.settled_at:
        moving = _("The records move on {day}.").format(day=day(view.last_day))
    by_state = {
        ProposalState.APPROVED: moving,
        ProposalState.DECLINED: _(
            "Nothing has moved. Agree with {name} on another split. Retry in the case message then makes a new "
            "proposal, which {approver} can change."
        ).format(name=mrkdwn(view.settled_by), approver=mrkdwn(view.approver.name)),
        ProposalState.EXPIRED: _("Nothing has moved. Retry in the case message asks again, with a fresh list."),
        ProposalState.CANCELLED: _("Nothing has moved, and nothing will move."),
    }
    if view.state is ProposalState.APPROVED and _all_moved(view):
        return _("All records were read back. The case message has the counts before and after.")
    if waits := view.states.get(AssignmentState.WAITING):
        return _waiting(waits)
    if view.ended and view.states.keys() & AGAIN:
        return _("The moves have ended. The case message says why, and its Retry proposes these records again.")
    if view.ended:
        return _("The moves have ended. The case message has the counts before and after.")
    newer = _("{name} has a newer version to decide on.").format(name=mrkdwn(view.approver.name))
    return by_state.get(view.state, newer)
