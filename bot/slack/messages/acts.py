"""Private answers to commands about one person's case: the button of the act, or why there is none; who leaves."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from bot.slack.messages import access, case
from bot.slack.messages.blocks import Block, button, pack, paragraphs, section
from bot.slack.messages.guide import as_typed, line, reference
from bot.text import N_, _, moment, mrkdwn
from workflows.cases.views import CaseBrief, CaseView
from workflows.storage.rows.case import CaseState

OVER = (CaseState.RUNNING, CaseState.WATCHED)
MOST = 40
CANNOT: Mapping[str, str] = {
    case.CANCEL: N_("Case {id} of {who} cannot be cancelled now: {state}."),
    access.UNDO: N_("Case {id} of {who} cannot be undone now: {state}."),
    access.RESCHEDULE: N_("Case {id} of {who} cannot be rescheduled now: {state}."),
}
"""Refusal of each act, by the id of its button."""


def offer(view: CaseView, act: str, now: datetime) -> Block | None:
    """Return the button of the act as the case message has it, or None.

    A held case is rejected, not cancelled. It can be rescheduled, which its message does not offer.
    """
    if act == access.RESCHEDULE and view.state is CaseState.HELD and not view.immediate:
        return button(_("Reschedule"), access.RESCHEDULE, pack(case=view.id))
    shown = case.build(view, now).blocks
    buttons = [one for block in shown if block["type"] == "actions" for one in block["elements"]]
    wanted = access.REJECT if act == case.CANCEL and view.state is CaseState.HELD else act
    return next((one for one in buttons if one.get("action_id") == wanted), None)


def choices(offered: Sequence[tuple[CaseView, Block]]) -> list[Block]:
    """Return the cases that an act fits, each with the button of the act."""
    asked = [section(_("Which case?"))] if len(offered) > 1 else []
    return [*asked, *(section(line(view), act) for view, act in offered[:MOST])]


def nobody(who: str) -> list[Block]:
    """Return that there is no case of this person. `who`: the person as they were named, in Slack's markup."""
    text = _("You can see no case of {who}. `/offboard @person` shows what one would do.")
    return [section(text.format(who=who))]


def cannot(act: str, view: CaseView, who: str) -> list[Block]:
    """Return why the act does not fit a case, and what to type instead."""
    lines = [_(CANNOT[act]).format(id=mrkdwn(view.id), who=who, state=case.state(view))]
    if view.state in OVER and act != access.UNDO and view.can_undo:
        lines.append(_("`/offboard undo @person` gives access back"))
    elif view.state in (CaseState.SCHEDULED, CaseState.HELD) and act == access.UNDO:
        lines.append(_("Nobody is locked out yet. `/offboard cancel @person` ends the case."))
    else:
        lines.append(_("`/offboard status @person` shows where the case stands."))
    return paragraphs(lines)


def whom(command: str, words: str) -> list[Block]:
    """Return how to name a person after a command, for words that name nobody, or for no words."""
    how = _("Type `{command} @person`, or an address or a case's id in place of `@person`.").format(command=command)
    if not words:
        return [section(how)]
    said = _("“{words}” names nobody for certain, because names are not unique.").format(words=as_typed(words))
    return paragraphs([said, how])


def leaving(views: Sequence[CaseBrief], who: str = "", links: Mapping[str, str] = MappingProxyType({})) -> list[Block]:
    """Return who of those whom the reader may see leaves this week, a line each.

    `who`: the one person asked about. `links`: addresses of the cases' messages.
    """
    if not views and who:
        return [section(_("You can see no last day of {who} this week.").format(who=who))]
    if not views:
        return [section(_("You can see nobody who leaves this week."))]
    lines = [last_day(view, links.get(view.id, "")) for view in views[:MOST]]
    if (rest := len(views) - MOST) > 0:
        lines.append(_("… and {count} more: `handover week` on the server shows all.").format(count=rest))
    return paragraphs(lines)


def last_day(view: CaseBrief, link: str = "") -> str:
    """Return a case as a line: the person, the last day and what is reached, without the reason."""
    return _("• *{name}* – {state}, {when} (case {id})").format(
        name=mrkdwn(view.leaver.name, 80),
        state=reached(view),
        when=moment(view.effective_at),
        id=reference(view.id, link),
    )


def reached(view: CaseBrief) -> str:
    """Return the state of a case in a few words. A lock-out that is due counts only if every reading shows it."""
    if view.state not in OVER:
        return case.state(view)
    return _("locked out") if view.locked_out else _("NOT locked out everywhere")
