"""A leave: its line in the case message, and the question on the day of return."""

from datetime import datetime

from bot.slack.messages.blocks import Block, Message, actions, button, context, header, message, pack, section
from bot.slack.messages.moves import PUT_BACK
from bot.slack.messages.phrases import records
from bot.text import _, moment, mrkdwn, plain
from workflows.cases.views import CaseBrief, CaseView
from workflows.clients.views import LeaveView
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.clients import LeaveAnswer

STAY = "leave_stay"


def build(view: CaseView) -> Message:
    """Return the question. An answered question shows who answered, and how."""
    leave, name = view.leave, plain(view.leaver.name, 80)
    moved = view.clients.moved if view.clients else 0
    if leave is None or leave.answer or not moved:
        point = _("{name} is back").format(name=name)
        return message(point, [header(point), section(_answer(leave) or _("There are no clients to put back."))])
    point = _("Is {name} back? {count} wait for an answer").format(name=name, count=records(moved))
    text = _(
        "The handover was for a time, until {when}. Put the clients back, or leave them where they are. "
        "Records with another owner since then stay there."
    )
    first = _("Press *Give Access Back* in the case message first. Records cannot go to a locked account.")
    blocks = [
        header(point),
        section(text.format(when=moment(leave.return_on))),
        actions(
            "return_actions",
            button(_("Put Clients Back"), PUT_BACK, pack(case=view.id), "primary"),
            button(_("Leave Them There"), STAY, pack(case=view.id)),
        ),
        *([] if leave.keeps_access else [context(first)]),
    ]
    return message(mrkdwn(point, 400), blocks)


def headline(view: CaseBrief) -> str:
    """Return the headline of a leave with access kept; empty for other cases."""
    if view.state is not CaseState.ON_LEAVE or view.leave is None:
        return ""
    name = plain(view.leaver.name, 80)
    if view.leave.answer:
        return _("{name} is back from leave").format(name=name)
    return _("Clients of {name} are handed over for a time; access stays").format(name=name)


def blocks(view: CaseView, now: datetime) -> list[Block]:
    """Return the case message's line on the return."""
    leave = view.leave
    if leave is None or view.state is CaseState.CANCELLED:
        return []
    coming = _("Back on {when}. Handover then asks whether the clients go back.")
    if leave.return_on <= now:
        coming = _("Was due back {when}. The question in the thread, whether the clients go back, waits for an answer.")
    line = _answer(leave) or coming.format(when=moment(leave.return_on))
    return [section(_("*Return* {said}").format(said=line))]


def _answer(leave: LeaveView | None) -> str:
    if leave is None or not leave.answer or leave.answered_at is None:
        return ""
    text = {
        LeaveAnswer.PUT_BACK: _("{by} put the clients back, {when}."),
        LeaveAnswer.STAY: _("{by} left the clients where they are, {when}."),
    }.get(leave.answer, _("Nothing was handed over, so nobody was asked."))
    return text.format(by=mrkdwn(leave.answered_by), when=moment(leave.answered_at))
