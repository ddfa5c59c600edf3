"""Parts of the case message about access: buttons, the result of an undo, and the reason for a hold."""

from datetime import datetime

from bot.slack.messages import licences
from bot.slack.messages.blocks import (
    Block,
    Message,
    actions,
    button,
    confirm,
    context,
    header,
    message,
    pack,
    paragraphs,
    section,
)
from bot.slack.messages.phrases import listing, short
from bot.text import N_, _, listed, moment, mrkdwn, ngettext, plain
from workflows.access.views import RestoredLine, SystemLine
from workflows.cases.views import CaseBrief, CaseView
from workflows.storage.rows.case import CaseState, HoldReason

UNDO, RESCHEDULE, CLOSE, CHOOSE = "case_undo", "case_reschedule", "case_close", "case_choose_account"
RELEASE, REJECT = "case_release", "case_reject"
MOST = 40
HOLDS = {
    HoldReason.MASS: N_(
        "More cases were opened within an hour than the policy allows. "
        "Somebody from security who did not open this case must release it."
    ),
    HoldReason.SHARE: N_(
        "Too large a share of the company leaves on one day, or the directory gives no number of people. "
        "Somebody from security who did not open or move this case must release it."
    ),
    HoldReason.IMMEDIATE: N_(
        "A lock-out at once or within the hour needs two people. "
        "Somebody from security or HR who did not open or move this case must release it."
    ),
}


def why_held(view: CaseView) -> str:
    """Return the reason why a case is held, in sentences."""
    return _(HOLDS[HoldReason(view.held)]) if view.held else ""


def headline(view: CaseBrief) -> str:
    """Return the headline of a held, undone or closed case; empty for other cases."""
    left = [line.title for line in view.restored if not line.done]
    text = {
        CaseState.HELD: _("HELD: {name} is not locked out until a second person releases the case"),
        CaseState.CLOSED: _("{name} was hired again; the case is closed and its checks have ended"),
        CaseState.UNDONE: _("{name} gets access back; still to do in {systems}")
        if left
        else _("{name} has access back; this case was undone"),
    }.get(view.state, "")
    return text.format(name=plain(view.leaver.name, 80), systems=plain(listed(left), 60))


def ended(view: CaseView) -> list[Block]:
    """Return who cancelled, undid or closed a case, when and why; nothing while it goes on."""
    if view.ended is None:
        return []
    text = _("By {by}, {when}: {why}") if view.ended.why else _("By {by}, {when}.")
    facts = {"by": mrkdwn(view.ended.by, 80), "when": moment(view.ended.at), "why": short(view.ended.why, 500)}
    return [section(text.format(**facts))]


def blocks(view: CaseView, now: datetime) -> list[Block]:
    """Return the lines and the buttons of a held, scheduled or ended case."""
    shown = [*ended(view), *restored(view)]
    if view.state is CaseState.HELD:
        when = _("at once") if view.immediate else moment(view.effective_at)
        shown = [section(_("{why} It would take effect {when}.").format(why=why_held(view), when=when))]
    buttons = _buttons(view, now)
    return [*shown, actions("case_access", *buttons)] if buttons else shown


def build(view: CaseView) -> Message:
    """Return the new message to who gave access back: what is back, what cannot come back, and what is to do."""
    point = headline(view) or _("{name} gets access back").format(name=plain(view.leaver.name, 80))
    where = _("Case {id}. The case message has the buttons.").format(id=mrkdwn(view.id))
    return message(mrkdwn(point, 400), [header(point), *ended(view), *restored(view), context(where)])


def restored(view: CaseView) -> list[Block]:
    """Return the access that an undo gave back, and the access that cannot come back."""
    if view.state is not CaseState.UNDONE:
        return []
    lines = [_restored(line) for line in view.restored[:MOST]]
    if len(view.restored) > MOST:
        lines.append(_("… and {count} more; `handover status` shows all.").format(count=len(view.restored) - MOST))
    return [
        *paragraphs([*lines, *licences.not_back(view), *stay(view)]),
        context(_("Checks of this case have ended. Open work was cancelled.")),
    ]


def stay(view: CaseView) -> list[str]:
    """Return the sentence on clients that an undo leaves with their successors, if there are any."""
    moved = view.clients.moved if view.clients else 0
    text = ngettext(
        "Clients are not moved back: {count} record stays with its successor.",
        "Clients are not moved back: {count} records stay with their successors.",
        moved,
    )
    return [text.format(count=moved)] if moved else []


def _restored(line: RestoredLine) -> str:
    lines = [f"*{mrkdwn(line.title)}* {mrkdwn(line.login)}".strip()]
    if line.back:
        lines.append(_("✓ back: {what}").format(what=listing(line.back, 20)))
    if line.cannot:
        lines.append(_("– cannot come back: {what}").format(what=listing(line.cannot, 20)))
    if line.problem:
        again = _(" Next try {when}.").format(when=moment(line.next_try_at)) if line.next_try_at else ""
        lines.append(_("✗ still to do: {what}.").format(what=short(line.problem)) + again)
    return "\n".join(lines)


def _buttons(view: CaseView, now: datetime) -> list[Block]:
    case = pack(case=view.id)
    if view.state is CaseState.HELD:
        return release_buttons(view)
    if view.state is CaseState.SCHEDULED and view.effective_at > now:
        return [button(_("Reschedule"), RESCHEDULE, case)]
    found = [button(_("Give Access Back"), UNDO, case)] if view.can_undo else []
    if view.state is CaseState.UNDONE and any(not line.done for line in view.restored):
        found.append(button(_("Try Again Now"), UNDO, case))
    if view.state is CaseState.WATCHED:
        found.append(button(_("Hired Again"), CLOSE, case))
    return found


def release_buttons(view: CaseView) -> list[Block]:
    """Return the buttons Release and Reject."""
    ask = confirm(
        _("Release this case?"),
        _("{name} is then locked out as planned. If the planned time has passed, this happens within seconds.").format(
            name=plain(view.leaver.name, 80)
        ),
        _("Release"),
    )
    case = pack(case=view.id)
    return [button(_("Release"), RELEASE, case, "danger", ask), button(_("Reject"), REJECT, case)]


def choose(view: CaseView, line: SystemLine) -> Block | None:
    """Return the button to choose the leaver's account, or None if the case waits for no choice."""
    return button(_("Choose Account"), CHOOSE, pack(case=view.id, system=line.system)) if line.choose else None
