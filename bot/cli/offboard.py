"""`handover offboard`: an offboarding from the terminal, also while Slack is down."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bot import workdays
from bot.cli import split
from bot.cli.actor import author
from bot.cli.arguments import content, effective, leaver_named, named_successors, warn_of_day_off
from bot.cli.case_request import as_known, asked_of, manager_id, profile_named, profiles, question
from bot.cli.context import (
    DEFAULT,
    AsJson,
    AssignmentFile,
    ConfigPath,
    Email,
    SplitStrategy,
    Successors,
    Yes,
    open_services,
    open_services_to_work,
    read,
    require_yes,
    wait_for_verdicts,
)
from bot.cli.explanations import refused
from bot.cli.output import EXIT_FAILURE, CommandError, finish, moment, say, warn
from bot.cli.plan import show as show_plan
from bot.cli.status import case_state, is_good, show_case
from bot.policies import profile_stages
from bot.services import Services
from bot.slack.messages.access import why_held
from bot.slack.people import Profile
from bot.text import N_, _
from config.settings import ProfileSettings
from workflows.authorization import Right
from workflows.cases.views import CaseView, OffboardingRequest, Plan
from workflows.people import Leaver, Successor
from workflows.storage.rows.case import CaseState, Reason, Strategy

HELP = N_(
    """Shows the plan, asks for confirmation, opens the case, and prints the verdict of every system.

A running bot does the work. Without one, this command does it.

While Slack is down, people are known by address, and the approver decides with `handover decide`.

Exits with 1 unless the person is locked out everywhere, or the case is scheduled for later. While tickets or open
connections may outlive the lock, it says until when, and exits with 1.
"""
)
EXAMPLES = (
    "handover offboard dana@example.com --successor bob@example.com",
    'handover offboard dana@example.com --at "end-of-day 2026-12-01" --approver max@example.com --reason resignation',
    "handover offboard dana@example.com --successor bob@example.com --keep-access --return-on 2027-03-01T08:00",
)


def offboard(
    ctx: typer.Context,
    email: Email,
    at: Annotated[
        str, typer.Option(help=N_('now, "end-of-day 2026-12-01" in the leaver\'s zone, or ISO 8601.'))
    ] = "now",
    approver: Annotated[
        str, typer.Option(metavar="EMAIL", help=N_("The approver of the split. Default: the line manager."))
    ] = "",
    strategy: SplitStrategy = None,
    successor: Successors = None,
    clients: AssignmentFile = None,
    profile: Annotated[
        str, typer.Option(metavar="NAME", help=N_("A profile of the configuration, for what no option says."))
    ] = "",
    reason: Annotated[Reason, typer.Option(help=N_("The reason for leaving."))] = Reason.OTHER,
    note: Annotated[str, typer.Option(help=N_("A note for the case, stored encrypted."))] = "",
    return_on: Annotated[str, typer.Option(metavar="WHEN", help=N_("For a leave: the time of return."))] = "",
    keep_access: Annotated[
        bool, typer.Option("--keep-access", help=N_("For a leave: lock nothing, only hand over clients."))
    ] = False,
    yes: Yes = False,
    wait: Annotated[
        float, typer.Option(min=0, help=N_("Seconds to wait for the verdicts of an immediate lock-out."))
    ] = 120,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show the plan, ask, open the case, and wait for the verdicts."""
    settings = read(ctx, config)
    if keep_access and not return_on:
        raise CommandError(_("--keep-access needs --return-on."))
    chosen = profile_named(settings, profile)
    how = strategy or Strategy(chosen.strategy or settings.clients.default_strategy)
    approver, successor, file = approver or chosen.approver or "", successor or [*chosen.successors], content(clients)
    successors = named_successors(settings, email, how, successor, file)
    people, trouble = profiles(settings.slack, [(leaver := leaver_named(email)).email, approver, *successors])
    with open_services(ctx, config) as services:
        by, plan = author(ctx, services, Right.OPEN), _plan(services, leaver, people, chosen, at)
        _warn(services, leaver.email, filter(None, (approver or plan.leaver.manager_email, *successors)))
    more, trouble = ({}, trouble) if trouble else profiles(settings.slack, [plan.leaver.manager_email])
    _report(plan, trouble, quiet=as_json)
    leaver, now = replace(plan.leaver, name=plan.leaver.name or plan.leaver.email), plan.made_at
    days = workdays.of(settings, leaver.timezone)
    asked, receivers = asked_of(plan, approver, successors, by, people | more, settings.company.directory)
    request = OffboardingRequest(
        approver=asked,
        return_on=effective(return_on, now, leaver.timezone, days) if return_on else None,
        effective_at=effective(at, now, leaver.timezone, days),
        leaver=leaver,
        reason=reason,
        strategy=how,
        successors=receivers or (asked.reachable if plan.owns_nothing else ()),
        clientless=plan.owns_nothing and not receivers,
        follow_up_days=chosen.follow_up_days or (),
        stages=profile_stages(chosen),
        requested_by=by,
        channel=settings.slack.case_channel,
        note=note,
        line_manager=manager_id(plan, people | more),
        keep_access=keep_access,
        assignment_file=file,
    )
    if successors and (file or not yes):
        _show_preview(ctx, config, request, quiet=as_json)
    warn_of_day_off(request.effective_at, leaver.timezone, days)
    require_yes(question(request), yes)
    case, good = _carry_out(ctx, config, request, wait)
    finish(case, lambda: _show(case, settings.company.timezone, good=good), as_json=as_json, good=good)


def _show_preview(ctx: typer.Context, config: Path, request: OffboardingRequest, *, quiet: bool) -> None:
    people, how, file = request.successors, request.strategy, request.assignment_file
    with open_services(ctx, config) as services:
        split.show(services.proposals.preview(request.leaver, people, how, file, request.effective_at), quiet=quiet)


def _carry_out(ctx: typer.Context, config: Path, request: OffboardingRequest, wait: float) -> tuple[CaseView, bool]:
    """Open the case, and return it with whether it is as it should be by now."""
    with open_services_to_work(ctx, config) as (services, bot_runs):
        case = _open(services, request, wait, bot_runs=bot_runs)
        later = case.state is CaseState.SCHEDULED and bool(request.effective_at)
        return case, later or is_good(case, services.clock.now())


def _plan(services: Services, leaver: Leaver, people: dict[str, Profile], chosen: ProfileSettings, at: str) -> Plan:
    """Return the plan, with the details of a Slack profile, and the stages of a case's profile with their days."""
    leaver = as_known(leaver, people.get(leaver.email.lower()), services.settings.company.timezone)
    now, days = services.clock.now(), workdays.of(services.settings, leaver.timezone)
    return services.offboarding.plan(leaver, profile_stages(chosen), effective(at, now, leaver.timezone, days) or now)


def _warn(services: Services, email: str, addresses: Iterable[str]) -> None:
    """Warn of an earlier case of the leaver, and of colleagues at these addresses who leave, too."""
    case = services.offboarding.find_case(email)
    if case and case.state in (CaseState.WATCHED, CaseState.ON_LEAVE):
        text = _("⚠ Offboarded before: case {id}, {state}. `handover status {id}` shows it.")
        warn(text.format(id=case.id, state=case_state(case, case.leaver.timezone)))
    text = _("⚠ {email}: a case says that this person leaves, too. They decide nothing and get no clients.")
    for address in sorted(services.offboarding.leaving([Successor(one.lower(), one, one) for one in addresses])):
        warn(text.format(email=address))


def _report(plan: Plan, trouble: str, *, quiet: bool) -> None:
    """Print the trouble with Slack, and the plan unless `quiet`. Raises `CommandError` where no case can be opened."""
    if trouble:
        warn(
            _(
                "Slack profiles are not available ({trouble}). The case continues by address. An approver without a "
                "Slack id decides with `handover decide`."
            ).format(trouble=trouble)
        )
    if not quiet:
        show_plan(plan)
    if plan.refusals:
        raise CommandError(" ".join(map(refused, plan.refusals)), code=EXIT_FAILURE)


def _open(services: Services, request: OffboardingRequest, wait: float, *, bot_runs: bool) -> CaseView:
    """Open the case, and return the case after its lock-out or after the reason to wait was printed."""
    case_id = services.offboarding.open(request)
    warn(_("Case {id} is open.").format(id=case_id))
    case = services.offboarding.case(case_id)
    if case.state is CaseState.HELD:
        said = _("HELD, nothing is locked. {why} To release it: handover release {id}")
        warn(said.format(why=why_held(case), id=case.id))
    elif request.keep_access:
        warn(
            _("Nothing is locked. The split waits for approval. `handover returning {id}` shows the return.").format(
                id=case.id
            )
        )
    elif request.effective_at is None:
        return wait_for_verdicts(lambda: services.offboarding.case(case_id), wait, warn)
    else:
        said = _("The lock-out begins at {at}.").format(at=moment(request.effective_at, request.leaver.timezone))
        no_bot = _("No bot runs on this data. Start `handover run` before then.")
        warn(said if bot_runs else f"{said} {no_bot}")
    return case


def _show(case: CaseView, zone: str, *, good: bool) -> None:
    show_case(case, zone)
    if case.locked_out and case.residual:
        what, until = case.residual
        say(_("Locked. {what} may work until {until}.").format(what=what, until=moment(until, zone)))
    elif not good:
        say(_("NOT locked out everywhere. `handover status {id}` shows the open steps.").format(id=case.id))
