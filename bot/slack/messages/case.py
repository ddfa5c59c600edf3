"""The case message: one per case, updated in place. Unknown is never shown as good.

Over 250 lines because one message shows all tracks of a case in one order.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.slack.messages import access, audit, leave, manual, moves, requests, restriction
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
from bot.slack.messages.phrases import GOOD_VERDICTS, account, finding_detail, listing, records, short, verdict
from bot.slack.messages.split import kept
from bot.text import N_, _, local, moment, mrkdwn, ngettext, plain
from connectors.contract import Verdict
from workflows.access.views import AccountLine, SystemLine
from workflows.cases.views import CaseBrief, CaseView, FindingLine, FollowUpLine
from workflows.clients.views import ClientsView, ProposalView
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.clients import ProposalState

RETRY, CANCEL = "case_retry", "case_cancel"
MOST_SYSTEMS, MOST_PROBLEMS = 30, 5
MOST_LIMITS, MOST_WORDS = 2, 160
WORST_FIRST = (Verdict.OPEN, Verdict.UNKNOWN, Verdict.LOCKED, Verdict.ABSENT)
STATES = {
    CaseState.SCHEDULED: N_("scheduled"),
    CaseState.RUNNING: N_("running"),
    CaseState.WATCHED: N_("done and watched"),
    CaseState.CANCELLED: N_("cancelled"),
    CaseState.HELD: N_("held"),
    CaseState.UNDONE: N_("undone"),
    CaseState.CLOSED: N_("closed"),
    CaseState.ON_LEAVE: N_("on leave"),
}
ENDED = (CaseState.CANCELLED, CaseState.HELD, CaseState.UNDONE, CaseState.CLOSED)
"""States of a case that locks and watches nothing. Its message shows no verdicts."""


def build(view: CaseView, now: datetime) -> Message:
    """Return the message: headline, a line per system, the other two tracks, next steps."""
    point = headline(view)
    blocks = [header(point)]
    if view.state is CaseState.SCHEDULED:
        when = _("Takes effect {when}. Nothing is locked before that.").format(when=moment(view.effective_at))
        blocks.append(section(when))
    blocks += [*_systems(view), *paragraphs(restriction.lines(view))]
    if view.clients and view.state not in ENDED:
        blocks += [*paragraphs(_clients(view, view.clients, now)), *_problems(view, view.clients)]
        blocks += requests.waiting(view.clients.proposal)
    if view.exports and view.state is not CaseState.ON_LEAVE:  # exports of a person who keeps access are not watched
        blocks.append(section(_("*Exports* {line}").format(line=short(view.exports, 600))))
    blocks += paragraphs([*_findings(view.findings), *_follow_ups(view.follow_ups)])
    if view.state is CaseState.SCHEDULED or (view.state is CaseState.ON_LEAVE and view.effective_at > now):
        blocks.append(actions("case_actions", _cancel_button(view)))
    blocks += [*leave.blocks(view, now), *moves.blocks(view), *access.blocks(view, now), *_cannot(view)]
    blocks.append(context(_footer(view)))
    return message(mrkdwn(point, 400), blocks)


def headline(view: CaseBrief) -> str:
    """Return the case in a sentence of plain text, with the worst verdicts first."""
    name, every, hand = plain(view.leaver.name, 80), len(view.read), manual.by_hand(view)
    if ended := access.headline(view) or leave.headline(view):
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
    still = [line.title for line in view.read if line.verdict is Verdict.OPEN]
    dark = [line.title for line in view.read if line.verdict is Verdict.UNKNOWN]
    named = ((_("still OPEN in {systems}"), still), (_("unknown in {systems}"), dark))
    parts = [text.format(systems=plain(", ".join(titles), 60)) for text, titles in named if titles]
    good = sum(1 for line in view.read if line.verdict in GOOD_VERDICTS)
    return _("{name}: {verdicts} (locked out of {good} of {count} systems){hand}").format(
        name=name, verdicts=", ".join(parts) or _("no system was read yet"), good=good, count=every, hand=hand
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


def _systems(view: CaseView) -> list[Block]:
    if view.state in ENDED:
        return []
    lines = sorted(view.systems, key=lambda line: WORST_FIRST.index(line.verdict))
    blocks = [
        section(_system(view, line), access.choose(view, line) or _retry(view, line)) for line in lines[:MOST_SYSTEMS]
    ]
    left = lines[MOST_SYSTEMS:]
    if left:
        rest = listing((f"{line.title}: {verdict(line.verdict)}" for line in left), 60)
        blocks += paragraphs([_("And {count} more: {rest}").format(count=len(left), rest=rest)])
    return blocks


def _system(view: CaseView, line: SystemLine) -> str:
    if line.step:
        return manual.line(view, line, line.step)
    title = f"*{mrkdwn(line.title)}*"
    if view.state is CaseState.SCHEDULED:
        return _("{title} – waits for the effective time").format(title=title)
    lines = [f"{title} – {verdict(line.verdict)}{_read(line)}"]
    if line.late:
        lines.append(_("⚠ {late}").format(late=short(line.late)))
    if line.reason:
        lines.append(_("Why: {reason}").format(reason=short(line.reason)))
    lines += [_account(account) for account in line.accounts[:5]]
    if line.working:
        lines.append(_("Try {attempt} is running now.").format(attempt=line.attempt + 1))
    elif line.next_try_at:
        text = ngettext(
            "Next automatic try {when} (tried {count} time).",
            "Next automatic try {when} (tried {count} times).",
            line.attempt,
        )
        lines.append(text.format(when=moment(line.next_try_at), count=line.attempt))
    return "\n".join(lines)


def _read(line: SystemLine) -> str:
    """Return when and how the verdict was read. An unknown verdict without a method could not be read."""
    if not line.read_at:
        return ""
    text = _(", could not be read ({when})") if line.verdict is Verdict.UNKNOWN else _(", read back {when}")
    if line.how:
        text = _(", read back {when} ({how})")
    return text.format(when=moment(line.read_at), how=short(line.how, 200))


def _limits(line: SystemLine) -> str:
    """Return the first limits, shortened. If any is left out or cut, the sentence says where to read all."""
    limits = " ".join(short(limit, MOST_WORDS) for limit in line.cannot[:MOST_LIMITS])
    if len(line.cannot) <= MOST_LIMITS and all(len(limit) <= MOST_WORDS for limit in line.cannot):
        return limits
    return _("{limits} (all in the plan: `/offboard @person`)").format(limits=limits)


def _cannot(view: CaseView) -> list[Block]:
    """Return what no program can do in each system, as small print. The plan showed it, so it is no failure."""
    limits = [
        _("Not possible by program in {title}: {what}").format(title=mrkdwn(line.title), what=_limits(line))
        for line in view.systems
        if line.cannot and view.state not in ENDED
    ]
    return [context(text) for text in limits[:5]]


def _account(line: AccountLine) -> str:
    login, done = mrkdwn(line.login), listing(line.done, 8)
    if line.verdict is Verdict.UNKNOWN and line.done:
        return _("• {login} – last known: {done}").format(login=login, done=done)
    if line.verdict in GOOD_VERDICTS:
        return f"• {login}: {done}" if done else f"• {login}"
    bad = f"• {login} – {verdict(line.verdict)}"
    return _("{bad}; done before: {done}").format(bad=bad, done=done) if done else bad


def _retry(view: CaseView, line: SystemLine) -> Block | None:
    if line.step:
        return manual.done_button(line.step) if line.step.waiting else None
    busy = view.state is CaseState.SCHEDULED or view.state in ENDED or line.working
    if busy or line.verdict in GOOD_VERDICTS:
        return None
    return button(_("Retry"), RETRY, pack(case=view.id, system=line.system))


def _cancel_button(view: CaseView) -> Block:
    ask = confirm(
        _("Cancel this offboarding?"),
        _("{name} keeps access. Nothing will be locked.").format(name=plain(view.leaver.name, 80)),
        _("Cancel Offboarding"),
    )
    return button(_("Cancel Offboarding"), CANCEL, pack(case=view.id), "danger", ask)


def _clients(view: CaseView, clients: ClientsView, now: datetime) -> list[str]:
    lines = [_("*Clients* {where}").format(where=_progress(view, clients, now))]
    stay = [] if clients.complete else [f"• {line}" for line in kept(clients.kept[:10], view.leaver.name)]
    return lines + stay + [f"• {short(line)}" for line in clients.balance[:10]]


def _problems(view: CaseView, clients: ClientsView) -> list[Block]:
    """Return the client track's problems, with Retry if a problem names a system."""
    blocks = []
    for problem in clients.problems[:MOST_PROBLEMS]:
        system = next((line.system for line in view.systems if problem.startswith(f"{line.system}:")), "")
        again = button(_("Retry"), RETRY, pack(case=view.id, system=system)) if system else None
        blocks.append(section(_("• to do: {problem}").format(problem=short(problem, 600)), again))
    if (more := len(clients.problems) - MOST_PROBLEMS) > 0:
        blocks.append(context(_("… and {count} more").format(count=more)))
    return blocks


def _progress(view: CaseView, clients: ClientsView, now: datetime) -> str:
    proposal = clients.proposal
    if clients.complete:
        return _not_known(clients) or _ended(clients)
    if proposal and proposal.state is ProposalState.PENDING:
        return _("{listed}; waiting for approval by {name}").format(
            listed=records(clients.listed), name=requests.waits_for(proposal)
        )
    if proposal and proposal.state in (ProposalState.DECLINED, ProposalState.EXPIRED):
        return _refused(proposal)
    if clients.moved or clients.rate:
        text = _("{moved} of {all} records moved, {left} left").format(
            moved=f"{clients.moved:,}", all=f"{clients.moved + clients.left:,}", left=f"{clients.left:,}"
        )
        return text + _pace(clients, now)
    if proposal is None:
        return _("the list is being made; {name} will then be asked to approve").format(name=mrkdwn(view.approver.name))
    return _("{listed} to be moved").format(listed=records(clients.left or clients.listed))


def _not_known(clients: ClientsView) -> str:
    """Return where the clients are not known, after what was handed over elsewhere; empty if they are known."""
    if not clients.not_known:
        return ""
    words = _("not known in {systems}").format(systems=listing(clients.not_known))
    return f"{words}; {_ended(clients)}" if clients.listed or clients.staying else words


def _ended(clients: ClientsView) -> str:
    """Return how many records were moved, including those put back since, and how many were not."""
    moved = clients.moved + clients.put_back + clients.putting_back + clients.not_put_back
    if clients.stopped:
        return _("moves stopped: {moved} of {all} records moved").format(
            moved=f"{moved:,}", all=f"{moved + clients.left:,}"
        )
    stay = clients.staying + clients.left + sum(exclusion.records for exclusion in clients.kept)
    done = _("handed over: {moved} moved").format(moved=records(moved))
    return done + _(", {stay} stay (reasons below)").format(stay=records(stay)) if stay else done


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


def _findings(findings: Sequence[FindingLine]) -> list[str]:
    text = _("✗ Finding: {kind} in {where}, first seen {when}{because}")
    return [
        text.format(
            kind=audit.kind(finding),
            where=account(finding),
            when=moment(finding.first_seen),
            because=finding_detail(finding),
        )
        for finding in [finding for finding in findings if finding.closed_at is None][:10]
    ]


def _follow_ups(lines: Sequence[FollowUpLine]) -> list[str]:
    checks = [
        _("Checked on day {day}: {summary}").format(day=line.day, summary=short(line.summary))
        for line in lines
        if line.done_at
    ][-3:]
    coming = next((line for line in lines if line.done_at is None), None)
    if coming:
        checks.append(_("Next check: day {day}, {when}").format(day=coming.day, when=moment(coming.due_at)))
    return checks


def _footer(view: CaseView) -> str:
    return _("Case {id}, {state} · opened by {by} {when} · approver {approver}").format(
        id=mrkdwn(view.id),
        state=state(view),
        by=mrkdwn(view.opened_by.name),
        when=moment(view.opened_at),
        approver=mrkdwn(view.approver.name),
    )
