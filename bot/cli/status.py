"""`handover status`: the state of cases."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from bot.cli.context import DEFAULT, AsJson, ConfigPath, find_case, open_services
from bot.cli.output import finish, moment, say, show_table, warn
from bot.slack.messages import access, audit, licences, phrases, restriction, stages
from bot.text import N_, _, listed, punctuated
from workflows.access.staged_account import OURS
from workflows.access.views import StepView, SystemLine
from workflows.cases.views import CaseView
from workflows.clients.views import ClientsView
from workflows.stages.views import stage_words
from workflows.storage.rows.case import CaseState

HELP = N_(
    """Without --all, prints every open case. With --all, prints 50 cases a page, or as many as --limit says.

Exits with 1 if a leaver shown has an open finding or was not locked out everywhere in time. It does so
too while their tickets or open connections may still work."""
)
EXAMPLES = ("handover status", "handover status dana@example.com --why", "handover status --all --limit 20 --page 2")
PAGE = 50


def status(
    ctx: typer.Context,
    who: Annotated[
        str | None, typer.Argument(metavar="CASE|EMAIL", help=N_("A case's id, or its leaver's address."))
    ] = None,
    every: Annotated[bool, typer.Option("--all", help=N_("Include closed and watched cases."))] = False,
    limit: Annotated[int | None, typer.Option(metavar="N", min=0, help=N_("Cases on a page. 0: all."))] = None,
    page: Annotated[int, typer.Option(metavar="N", min=1, help=N_("The page to print, newest cases first."))] = 1,
    why: Annotated[bool, typer.Option("--why", help=N_("Add the evidence of one case, as Details in Slack."))] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Print open cases, all cases, or one case."""
    with open_services(ctx, config) as services:
        zone, now = services.settings.company.timezone, services.clock.now()
        if who is None:
            size = (PAGE if every else 0) if limit is None else limit
            cases: Sequence[CaseView] = services.offboarding.cases(
                open_only=not every, limit=size, offset=size * (page - 1)
            )
            total = services.offboarding.count(None if every else True)
            if said := _rest(size * (page - 1), len(cases), total, page):
                warn(said)
        else:
            cases = [find_case(services, who)]
    good = all(is_good(case, now) for case in cases)
    if who is None:
        finish(cases, lambda: _show_cases(cases, zone), as_json=as_json, good=good)
    else:
        finish(cases[0], lambda: show_case(cases[0], zone, why=why), as_json=as_json, good=good)


def is_good(case: CaseView, now: datetime) -> bool:
    """Return whether nothing needs to be done. Pure.

    Good: not yet due, cancelled, all access back, or locked out without an open finding and without tickets that may
    still work.
    """
    match case.state:
        case CaseState.CANCELLED | CaseState.CLOSED | CaseState.ON_LEAVE | CaseState.EARLIER:
            return True
        case CaseState.UNDONE:
            back = not any(seat.state in OURS for line in case.licences for seat in line.seats)
            return back and bool(case.restored) and all(line.done for line in case.restored)
        case CaseState.HELD:
            return False
        case CaseState.SCHEDULED if case.effective_at > now:
            return True
    return case.locked_out and case.residual is None and not any(one.closed_at is None for one in case.findings)


def _rest(before: int, shown: int, total: int, page: int) -> str:
    """Return which of all cases a page shows, and how to see the next; empty where it shows all. Pure."""
    if shown == total:
        return ""
    if not shown:
        return _("Page {page} is past the last of {total} cases.").format(page=page, total=total)
    said = _("Cases {first} to {last} of {total}.").format(first=before + 1, last=before + shown, total=total)
    more = _("--page {page} shows the next.").format(page=page + 1)
    return said if before + shown >= total else f"{said} {more}"


def _show_cases(cases: Sequence[CaseView], zone: str) -> None:
    show_table(
        [_("Case"), _("Leaver"), _("State"), _("Effective"), _("Systems"), _("Clients")],
        [
            (
                case.id,
                f"{case.leaver.name}\n{case.leaver.email}",
                case_state(case, zone),
                moment(case.effective_at, zone),
                _systems(case),
                _clients(case.clients),
            )
            for case in cases
        ],
        empty=_("No case is open."),
    )


def show_case(case: CaseView, zone: str, *, why: bool = False) -> None:
    """Print one case. `why`: with the steps on each account, and the findings that were settled."""
    said = _("{name}, case {id}: {state}") if case.leaver.is_group else _("{name} <{email}>, case {id}: {state}")
    say(
        said.format(name=case.leaver.name, email=case.leaver.email, id=case.id, state=case_state(case, zone)),
        _("Effective {at}; opened {opened} by {by}; clients decided by {approver}").format(
            at=moment(case.effective_at, zone),
            opened=moment(case.opened_at, zone),
            by=case.opened_by.name,
            approver=case.approver.name,
        ),
    )
    if case.state is CaseState.HELD:
        say(_("HELD: {why} To release it: handover release {id}").format(why=access.why_held(case), id=case.id))
    say(*_ended(case, zone))
    if case.state is CaseState.UNDONE:
        show_restored(case, zone)
    else:
        _show_systems(case.systems, zone)
        _show_steps(case.steps, zone)
    for one in filter(restriction.tells, case.restrictions):
        said = restriction.said(one, moment(one.due_at, zone))
        say(_("{title}, before the last day: {said}").format(title=one.title, said=said))
    _show_licences(case, zone)
    if case.clients:
        details = (*case.clients.balance, *case.clients.problems)
        say(_("Clients: {line}").format(line=_clients(case.clients)), *(f"  - {line}" for line in details))
    if case.exports:
        say(_("Exports: {line}").format(line=case.exports))
    for check in case.follow_ups:
        say(_("Day {day}: {said}").format(day=check.day, said=check.summary or _due(check.due_at, zone)))
    say(*_stages(case, zone))
    for finding in case.findings:
        if finding.closed_at is None:
            say(
                _("FINDING {kind} in {system}: {detail}").format(
                    kind=_(finding.kind), system=finding.system, detail=finding.detail
                )
            )
    if why:
        _show_evidence(case, zone)


def _stages(case: CaseView, zone: str) -> list[str]:
    """Return a line for each stage, and one for an open legal hold. Pure."""
    text = _("Stage {stage}, {when}: {state} ({acts})")
    lines = [
        text.format(
            stage=stage_words(one.name), when=moment(one.planned_at, zone), state=_(one.state), acts=stages.acts(one)
        )
        for one in case.stages
    ]
    held = [stages.hold_text(case.hold, moment(case.hold.set_at, zone))] if case.hold else []
    return [*lines, *held]


def _show_evidence(case: CaseView, zone: str) -> None:
    """Print the steps on each account with the time of its reading, and the settled findings."""
    accounts = [(line, one) for line in case.systems for one in line.accounts]
    show_table(
        [_("System"), _("Account"), _("Verdict"), _("Read at"), _("Last read good"), _("Done")],
        [
            (
                line.title,
                one.login,
                phrases.verdict(one.verdict),
                moment(one.read_at, zone),
                moment(one.last_good_at, zone),
                "\n".join((*one.done, *one.unread)),
            )
            for line, one in accounts
        ],
        empty=_("No account is known."),
    )
    for one in case.settled:
        said = _("Settled: {kind} in {system}, {since} to {until}, {how}")
        how = audit.settled_by(one)
        since, until = moment(one.first_seen, zone), moment(one.closed_at, zone)
        say(said.format(kind=audit.kind(one), system=one.system, since=since, until=until, how=how))


def show_restored(case: CaseView, zone: str) -> None:
    """Print what an undo gave back, what cannot come back, and the open steps."""
    show_table(
        [_("System"), _("Account"), _("Back"), _("Cannot come back"), _("Open steps")],
        [
            (
                line.title,
                line.login,
                "\n".join(line.back),
                "\n".join(line.cannot),
                "\n".join(filter(None, [line.problem, moment(line.next_try_at, zone)])),
            )
            for line in case.restored
        ],
    )
    if case.clients and case.clients.moved:
        say(
            _("Clients are not moved back: {count} records stay with their successors.").format(
                count=case.clients.moved
            )
        )


def _show_systems(lines: Sequence[SystemLine], zone: str) -> None:
    """Print the verdict of each system, with the way and the time of the reading."""
    show_table(
        [_("System"), _("Verdict"), _("Reason and reading"), _("Read at"), _("Next")],
        [
            (
                line.title,
                phrases.verdict(line.verdict),
                punctuated("; ").join(filter(None, [line.late, line.reason, line.how])),
                moment(line.read_at, zone),
                _next(line, zone),
            )
            for line in lines
        ],
    )
    limits = [f"  - {line.title}{punctuated(': ')}{what}" for line in lines for what in line.cannot]
    if limits:
        say(_("Cannot be done:"), *limits)


def _show_licences(case: CaseView, zone: str) -> None:
    """Print a line for each account that has licences, or had some."""
    for line in case.licences:
        what = licences.words(line, lambda at: moment(at, zone))
        say(_("Licences in {title} ({login}): {what}").format(title=line.title, login=line.login, what=what))


def _show_steps(steps: Sequence[StepView], zone: str) -> None:
    """Print the state of manual steps."""
    for step in steps:
        if step.confirmed_at:
            said = _("{title}: confirmed by a person, {by}, {at}, not read back: {note}").format(
                title=step.title, by=step.confirmed_by, at=moment(step.confirmed_at, zone), note=step.note
            )
            proof = " ".join(filter(None, [step.proof, step.proof_sha256 and f"sha256:{step.proof_sha256}"]))
            say(f"{said} [{proof}]" if proof else said)
        elif step.deadline:
            said = _("{title}: {who} is asked, until {at}. To confirm: handover confirm {case} {system} --note ...")
            at = moment(step.deadline, zone)
            say(said.format(title=step.title, who=step.assignee, at=at, case=step.case_id, system=step.system))


def _systems(case: CaseView) -> str:
    """Return the state of each system. After an undo, earlier verdicts no longer hold."""
    if case.state is CaseState.UNDONE:
        back = {line.system: _("given back") if line.done else _("not yet given back") for line in case.restored}
        return listed(f"{system} {said}" for system, said in back.items())
    if case.state is CaseState.CANCELLED:
        return _("nothing was locked")
    return listed(f"{line.system} {_(line.verdict.value)}" for line in case.systems)


def _next(line: SystemLine, zone: str) -> str:
    if line.next_try_at and not line.attempt:
        return _due(line.next_try_at, zone)
    if line.next_try_at:
        return _("tried again at {at}").format(at=moment(line.next_try_at, zone))
    return _("working") if line.working else ""


def _due(at: datetime, zone: str) -> str:
    return _("due {at}").format(at=moment(at, zone))


def _ended(case: CaseView, zone: str) -> list[str]:
    """Return who ended a case, when and why; nothing while it goes on."""
    if case.ended is None:
        return []
    said = _("Ended by {by}, {at}: {why}") if case.ended.why else _("Ended by {by}, {at}.")
    return [said.format(by=case.ended.by, at=moment(case.ended.at, zone), why=case.ended.why)]


def case_state(case: CaseView, zone: str) -> str:
    """Return the state of a case, with whether the leaver is locked out everywhere."""
    state = _(case.state.value)
    if case.state not in (CaseState.RUNNING, CaseState.WATCHED):
        return state
    if not case.locked_out:
        return _("{state}, NOT locked out everywhere").format(state=state)
    if case.residual:
        what, until = case.residual
        said = _("{state}, locked; {what} may work until {until}")
        return said.format(state=state, what=what, until=moment(until, zone))
    if case.steps:
        return _("{state}, locked out of all readable systems, the rest confirmed by people").format(state=state)
    return _("{state}, locked out everywhere").format(state=state)


def _clients(clients: ClientsView | None) -> str:
    if clients is None:
        return _("none")
    state = _(clients.proposal.state.value) if clients.proposal else _("no proposal yet")
    said = _("{listed} listed, {moved} moved, {left} left; {state}").format(
        listed=clients.listed, moved=clients.moved, left=clients.left, state=state
    )
    waits = _("{count:,} accepted by the system and not done yet")
    stay = [waits.format(count=clients.accepted)] if clients.accepted else []
    stay += [_("not known in {systems}").format(systems=listed(clients.not_known))] if clients.not_known else []
    stay += [phrases.no_clients(clients)] if clients.absent else []
    stay += [_("{records} stay: {reason}").format(records=one.records, reason=one.reason) for one in clients.kept]
    return punctuated("; ").join([said, *stay])
