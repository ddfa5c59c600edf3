"""The case message: one per case, updated in place. Unknown is never shown as good. Evidence stands in its details."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.slack.messages import (
    access,
    audit,
    details,
    duties,
    earlier,
    leave,
    manual,
    moves,
    requests,
    restriction,
    stages,
    systems,
)
from bot.slack.messages.blocks import (
    Block,
    Message,
    actions,
    button,
    context,
    emphasize_first,
    header,
    message,
    pack,
    paragraphs,
    section,
)
from bot.slack.messages.phrases import GOOD_VERDICTS, account, finding_detail, listing, no_clients, records, short
from bot.slack.messages.systems import ENDED, RETRY
from bot.text import N_, _, listed, local, moment, mrkdwn, ngettext, number, plain, punctuated
from connectors.contract import Verdict
from workflows.cases.views import CaseBrief, CaseView, FollowUpLine
from workflows.clients.views import ClientsView, ProposalView
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.clients import ProposalState
from workflows.storage.rows.watch import FindingKind

CANCEL = "case_cancel"
CLIENTS_ONLY = (CaseState.ON_LEAVE, CaseState.EARLIER)
MOST_PROBLEMS = 5
STATES = {
    CaseState.SCHEDULED: N_("scheduled"),
    CaseState.RUNNING: N_("running"),
    CaseState.WATCHED: N_("done and watched"),
    CaseState.CANCELLED: N_("cancelled"),
    CaseState.HELD: N_("held"),
    CaseState.UNDONE: N_("undone"),
    CaseState.CLOSED: N_("closed"),
    CaseState.ON_LEAVE: N_("on leave"),
    CaseState.EARLIER: N_("earlier leavers"),
}


def build(view: CaseView, now: datetime) -> Message:
    """Return the message: headline, a line per system, the other two tracks, next steps."""
    point = headline(view)
    blocks = [header(point)]
    if view.state is CaseState.SCHEDULED:
        when = _("Takes effect {when}. Nothing is locked before that.").format(when=moment(view.effective_at))
        blocks.append(section(when))
    blocks += [*systems.blocks(view), *paragraphs(restriction.lines(view))]
    if view.clients and view.state not in ENDED:
        blocks += [*paragraphs(_clients(view, view.clients, now)), *_problems(view, view.clients)]
        blocks += requests.waiting(view.clients.proposal)
    lines = [*filter(None, [duties.case_line(view.duties)]), *_findings(view)]
    if view.exports and view.state not in CLIENTS_ONLY:  # exports of a person who keeps access are not watched
        lines.append(_("*Exports* {line}").format(line=short(view.exports, 600)))
    blocks += paragraphs([*lines, *_next_check(view.follow_ups), *stages.next_line(view), *stages.hold_line(view.hold)])
    parts = [*leave.blocks(view, now), *moves.blocks(view), *access.blocks(view, now)]
    buttons = [one for part in parts if part["type"] == "actions" for one in part["elements"]]
    ahead = view.state is CaseState.SCHEDULED or (view.state is CaseState.ON_LEAVE and view.effective_at > now)
    if ahead or earlier.can_cancel(view):
        buttons = [_cancel_button(view), *buttons]
    if view.clients and view.state not in ENDED:
        buttons += requests.ask_buttons(view.clients.proposal)
    buttons += duties.case_buttons(view)
    blocks += [part for part in parts if part["type"] != "actions"]
    blocks += [actions("case_actions", *buttons, details.open_button(view)), context(_footer(view))]
    return message(mrkdwn(point, 400), emphasize_first(blocks))


def headline(view: CaseBrief) -> str:
    """Return the case in a sentence of plain text, with the worst verdicts first."""
    name, every, hand = plain(view.leaver.name, 80), len(view.read), manual.by_hand(view)
    if ended := earlier.headline(view) or access.headline(view) or leave.headline(view):
        return ended
    if view.state is CaseState.CANCELLED:
        return _("The offboarding of {name} was cancelled; nothing was locked").format(name=name)
    if view.state is CaseState.SCHEDULED:
        return ngettext(
            "{name} will be locked out of {count} system", "{name} will be locked out of {count} systems", every
        ).format(name=name, count=every)
    if view.locked_out and not hand:
        return _("{name} is locked out of {count} of {count} systems").format(name=name, count=every) + _residual(view)
    if hand and all(line.verdict in GOOD_VERDICTS for line in view.read):
        return _("{name} is locked out of {count} of {count} systems that can be read{hand}").format(
            name=name, count=every, hand=f"{hand}{_residual(view)}"
        )
    opened = [line for line in view.read if line.verdict is Verdict.OPEN]
    again = [line.title for line in opened if line.open_again]
    never = [line.title for line in opened if not line.open_again and line.locked_at is None]
    since = [line.title for line in opened if not line.open_again and line.locked_at]  # a new account, for example
    dark = [line.title for line in view.read if line.verdict is Verdict.UNKNOWN]
    named = (
        (_("OPEN again in {systems}"), again),
        (_("still OPEN in {systems}"), never),
        (_("OPEN in {systems}"), since),
        (_("unknown in {systems}"), dark),
    )
    parts = [text.format(systems=plain(listed(titles), 60)) for text, titles in named if titles]
    good = sum(1 for line in view.read if line.verdict in GOOD_VERDICTS)
    return _("{name}: {verdicts} (locked out of {good} of {count} systems){hand}").format(
        name=name,
        verdicts=punctuated(", ").join(parts) or _("no system was read yet"),
        good=good,
        count=every,
        hand=hand,
    )


def _residual(view: CaseBrief) -> str:
    if view.residual is None:
        return ""
    what, until = view.residual
    return _("; {what} may work until {until}").format(what=what, until=local(until, view.leaver.timezone))


def state(view: CaseBrief) -> str:
    """Return the state of a case in a word."""
    if view.state is CaseState.ON_LEAVE and view.leave and view.leave.answer:
        return _("back")
    return _(STATES[view.state])


def _cancel_button(view: CaseView) -> Block:
    label = _("Cancel Handover") if view.leaver.is_group else _("Cancel Offboarding")
    return button(label, CANCEL, pack(case=view.id), "danger")


def _clients(view: CaseView, clients: ClientsView, now: datetime) -> list[str]:
    lines = [_("*Clients* {where}").format(where=_progress(view, clients, now))]
    told = [f"• {short(line, 600)}" for line in clients.told[:10]]
    return [*lines, *_accepted(clients), *(f"• {short(line)}" for line in clients.differing[:10]), *told]


def _accepted(clients: ClientsView) -> list[str]:
    """Return a line on records that their system accepted to move and has not moved."""
    if not clients.accepted:
        return []
    text = _("• {count} accepted by the system and not done yet")
    if clients.read_again_at:
        text = _("• {count} accepted by the system and not done yet; read again {when}")
    when = moment(clients.read_again_at) if clients.read_again_at else ""
    return [text.format(count=records(clients.accepted), when=when)]


def _problems(view: CaseView, clients: ClientsView) -> list[Block]:
    """Return the client track's problems, with Retry if a problem names a system."""
    blocks = []
    before = clients.not_known if view.state is CaseState.SCHEDULED else ()  # nobody can link an account yet
    problems = [one for one in clients.problems if not one.startswith(tuple(f"{system}:" for system in before))]
    for problem in problems[:MOST_PROBLEMS]:
        system = next((line.system for line in view.systems if problem.startswith(f"{line.system}:")), "")
        again = button(_("Retry"), RETRY, pack(case=view.id, system=system)) if system else None
        blocks.append(section(_("• to do: {problem}").format(problem=short(problem, 600)), again))
    if (more := len(problems) - MOST_PROBLEMS) > 0:
        blocks.append(context(_("… and {count} more").format(count=more)))
    return blocks


def _progress(view: CaseView, clients: ClientsView, now: datetime) -> str:
    proposal = clients.proposal
    if clients.complete:
        return _not_known(view, clients) or _ended(clients)
    if proposal and proposal.state is ProposalState.PENDING:
        return _("{listed}; waiting for approval by {name}").format(
            listed=records(clients.listed), name=requests.needs(proposal)
        )
    if proposal and proposal.state in (ProposalState.DECLINED, ProposalState.EXPIRED):
        return _refused(proposal)
    if clients.moved or clients.rate:
        text = _("{moved} of {all} records moved, {left} left").format(
            moved=number(clients.moved), all=number(clients.moved + clients.left), left=number(clients.left)
        )
        return text + _pace(clients, now)
    if proposal is None:
        return _("the list is being made; {name} will then be asked to approve").format(name=mrkdwn(view.approver.name))
    return _("{listed} to be moved").format(listed=records(clients.left or clients.listed))


def _not_known(view: CaseView, clients: ClientsView) -> str:
    """Return where the clients are not known, after what was handed over elsewhere; empty if they are known."""
    if not clients.not_known:
        return ""
    text = _("not known in {systems}")
    if view.state is CaseState.SCHEDULED:
        text = _("none found so far in {systems}; looked up again at the lock-out")
    words = text.format(systems=listing(clients.not_known))
    return punctuated("; ").join((words, _ended(clients))) if clients.listed or clients.staying else words


def _ended(clients: ClientsView) -> str:
    """Return how many records were moved, including those put back since, and how many were not."""
    moved = clients.moved + clients.put_back + clients.putting_back + clients.not_put_back
    if clients.absent and not (clients.listed or clients.staying):
        return no_clients(clients)
    if clients.stopped:
        return _("moves stopped: {moved} of {all} records moved").format(
            moved=number(moved), all=number(moved + clients.left)
        )
    stay = clients.staying + clients.left + sum(exclusion.records for exclusion in clients.kept)
    done = _("handed over: {moved} moved").format(moved=records(moved))
    return done + _(", {stay} stay (reasons in Details)").format(stay=records(stay)) if stay else done


def _refused(proposal: ProposalView) -> str:
    if proposal.state is ProposalState.EXPIRED:
        return _("nothing moved, because not everybody answered in time; press Retry to ask again")
    return _("{name} declined the proposal ({why}); HR must agree with them on another one").format(
        name=mrkdwn(proposal.settled_by), why=short(proposal.note) or _("no reason given")
    )


def _pace(clients: ClientsView, now: datetime) -> str:
    if not clients.rate or not clients.left:
        return ""
    end = now + timedelta(seconds=clients.left / clients.rate)
    return _(" at {rate:.1f} a second, done about {end}").format(rate=clients.rate, end=moment(end))


def _findings(view: CaseView) -> list[str]:
    """Return the open findings that no system's line tells. What was exported is for security, in its own message."""
    text = _("✗ Finding: {kind} in {where}, first seen {when}{because}")
    return [
        text.format(
            kind=audit.kind(finding),
            where=account(finding),
            when=moment(finding.first_seen),
            because=finding_detail(finding),
        )
        for finding in view.findings
        if finding.closed_at is None and finding.kind is not FindingKind.EXPORTED and not systems.tells(view, finding)
    ][:10]


def _next_check(lines: Sequence[FollowUpLine]) -> list[str]:
    coming = next((line for line in lines if line.done_at is None), None)
    return [_("Next check: day {day}, {when}").format(day=coming.day, when=moment(coming.due_at))] if coming else []


def _footer(view: CaseView) -> str:
    return _("Case {id}, {state} · opened by {by} {when}").format(
        id=mrkdwn(view.id), state=state(view), by=mrkdwn(view.opened_by.name), when=moment(view.opened_at)
    )
