"""`handover offboard`: lock somebody out from the terminal, also on the day that Slack is down."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from bot import workdays
from bot.cli import split
from bot.cli.command_errors import EXIT_FAILURE, EXIT_USAGE, CommandError
from bot.cli.context import actor, open_services_to_work, read, wiring
from bot.cli.effective_time import effective
from bot.cli.options import DEFAULT, AsJson, ConfigPath
from bot.cli.output import moment, say, show_json, warn
from bot.cli.plan import Email, Split, Successors, leaver_named, named_successors
from bot.cli.plan import show as show_plan
from bot.cli.refusals import refused
from bot.cli.slack_profiles import profiles
from bot.cli.status import is_good, show_case
from bot.cli.verdict_wait import wait_for_verdicts
from bot.slack.messages.access import why_held
from bot.slack.people import Profile
from bot.text import _
from bot.workdays import known_zone
from config.settings import Settings
from workflows.cases.views import CaseView, OffboardingRequest, Plan
from workflows.clients.views import Preview
from workflows.people import Leaver, Successor
from workflows.storage.rows.case import CaseState, Reason, Strategy

At = Annotated[str, typer.Option(help='now, "end-of-day 2026-12-01" in the leaver\'s zone, or ISO 8601.')]
Approver = Annotated[str, typer.Option(metavar="EMAIL", help="Who decides on the clients; else the line manager.")]
Why = Annotated[Reason, typer.Option("--reason", help="Why the person leaves.")]
Note = Annotated[str, typer.Option(help="A sentence for the case, kept encrypted.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait for the verdicts of an immediate lock-out.")]
Back = Annotated[str, typer.Option("--return-on", metavar="WHEN", help="Of a leave: when the person is back.")]
Keep = Annotated[bool, typer.Option("--keep-access", help="Of a leave: lock nobody out, hand clients over only.")]


def offboard(
    ctx: typer.Context,
    email: Email,
    at: At = "now",
    approver: Approver = "",
    strategy: Split = None,
    successor: Successors = None,
    clients: split.Csv = None,
    reason: Why = Reason.OTHER,
    note: Note = "",
    return_on: Back = "",
    keep_access: Keep = False,
    yes: Yes = False,
    wait: Wait = 120,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Offboard a person: show the plan, ask, open the case, and say what each system was read to be.

    Beside a running bot the bot does the work; without one this command does. Works while Slack is down: people
    are then known by address, and the approver decides with `handover decide`.

    Exits with 1 unless the person is locked out everywhere, or the case is scheduled for later.

    For example:
      handover offboard dana@example.com --successor bob@example.com
      handover offboard dana@example.com --at "end-of-day 2026-12-01" --approver max@example.com --reason resignation
      handover offboard dana@example.com --successor bob@example.com --keep-access --return-on 2027-03-01T08:00
    """
    settings = read(ctx, config)
    how, data = strategy or Strategy(settings.clients.default_strategy), split.content(clients)
    takers = named_successors(settings, email, how, successor or [], data)
    plan, people = _look(ctx, settings, email, [approver, *takers], quiet=as_json)
    leaver = plan.leaver
    if keep_access and not return_on:
        raise CommandError(_("Whoever keeps access comes back."), _("Add --return-on WHEN."), code=EXIT_USAGE)
    decider = approver or leaver.manager_email
    if not decider:
        raise CommandError(_undecided(plan, settings.company.directory), _("Add --approver EMAIL."))
    days = workdays.of(settings.company)
    request = OffboardingRequest(
        leaver=leaver,
        reason=reason,
        effective_at=effective(at, plan.made_at, leaver.timezone, days),
        approver=_colleague(decider, people),
        strategy=how,
        successors=tuple(_colleague(one, people) for one in takers),
        requested_by=actor(),
        channel=settings.slack.case_channel,
        note=note,
        return_on=effective(return_on, plan.made_at, leaver.timezone, days) if return_on else None,
        keep_access=keep_access,
        assignment_file=data,
    )
    if takers and (data or not yes):
        _preview(ctx, settings, request, quiet=as_json)
    if request.effective_at:
        last = request.effective_at.astimezone(ZoneInfo(leaver.timezone)).date()
        if careful := workdays.last_day_warning(days, last):
            warn(careful)
    if not yes:
        _confirm(question(request))
    with open_services_to_work(ctx, settings) as (services, beside):
        case_id = services.offboarding.open(request)
        warn(_("Case {id} is open.").format(id=case_id))
        case = services.offboarding.case(case_id)
        if case.state is CaseState.HELD:
            warn(held(case))
        elif keep_access:
            warn(
                _(
                    "Nobody is locked out; the clients are proposed to others. `handover returning {id}` shows when "
                    "{name} is back."
                ).format(id=case.id, name=leaver.name)
            )
        elif request.effective_at is None:
            case = wait_for_verdicts(lambda: services.offboarding.case(case_id), wait, warn)
        else:
            warn(_later(request.effective_at, leaver, beside=beside))
        good = case.state in (CaseState.SCHEDULED, CaseState.ON_LEAVE) or is_good(case, services.clock.now())
    _report(case, settings.company.timezone, good=good, as_json=as_json)


def _look(
    ctx: typer.Context, settings: Settings, email: str, others: Sequence[str], *, quiet: bool
) -> tuple[Plan, dict[str, Profile]]:
    leaver = leaver_named(email)
    people, trouble = profiles(settings.slack, [leaver.email, *others])
    leaver = as_known(leaver, people.get(leaver.email.lower()), settings.company.timezone)
    with wiring(ctx).assemble(settings, mode="visit") as house:
        plan: Plan = house.services.offboarding.plan(leaver)
    if not trouble and plan.leaver.manager_email:
        more, trouble = profiles(settings.slack, [plan.leaver.manager_email])
        people |= more
    if trouble:
        warn(
            _(
                "Slack did not say who is who ({trouble}). The case goes on by address; an approver without a Slack id "
                "decides with `handover decide`."
            ).format(trouble=trouble)
        )
    if not quiet:
        show_plan(plan)
    if plan.refusals:
        raise CommandError(" ".join(refused(refusal) for refusal in plan.refusals), code=EXIT_FAILURE)
    return replace(plan, leaver=replace(plan.leaver, name=plan.leaver.name or plan.leaver.email)), people


def _undecided(plan: Plan, directory: str) -> str:
    if any(one.system == directory and one.problem for one in plan.systems):
        return _(
            "Nobody is named to decide on the clients, and the directory, which may know the line manager, "
            "could not be asked."
        )
    return _("Nobody is named to decide on the clients, and the directory knows no line manager.")


def _preview(ctx: typer.Context, settings: Settings, request: OffboardingRequest, *, quiet: bool) -> None:
    """Show the split before anybody is asked; a file with faults ends it here."""
    with wiring(ctx).assemble(settings, mode="visit") as house:
        seen: Preview = house.services.handover.preview(
            request.leaver, request.successors, request.strategy, request.assignment_file
        )
    if seen.faults:
        raise split.faulty(seen.faults)
    if not quiet:
        split.show(seen)


def as_known(leaver: Leaver, found: Profile | None, zone: str) -> Leaver:
    """Complete a leaver with what Slack knows. Pure."""
    if found is None:
        return replace(leaver, timezone=zone)
    place = known_zone(found.timezone, zone)  # Slack may name one that this machine does not know
    return replace(leaver, name=found.name, slack_id=found.id, timezone=place, title=found.title)


def _colleague(address: str, people: dict[str, Profile]) -> Successor:
    email = leaver_named(address).email
    known = people.get(email.lower())
    return Successor(email.lower(), known.name if known else email, email, known.id if known else "")


def question(request: OffboardingRequest) -> str:
    """Return the question that stands before any write: whom, when, who decides. Pure."""
    zone = request.leaver.timezone
    heirs = ", ".join(one.name for one in request.successors) or _("nobody")
    if request.keep_access:
        return _(
            "Nobody is locked out. Clients of {name} <{email}> go to {heirs}, once {approver} approves, until "
            "{back}. Go ahead?"
        ).format(
            name=request.leaver.name,
            email=request.leaver.email,
            heirs=heirs,
            approver=request.approver.name,
            back=moment(request.return_on, zone),
        )
    when = moment(request.effective_at, zone) if request.effective_at else _("NOW")
    return _(
        "Lock {name} <{email}> out of every system: {when}. Clients go to {heirs} ({strategy}), once {approver} "
        "approves. Reason: {reason}. Go ahead?"
    ).format(
        name=request.leaver.name,
        email=request.leaver.email,
        when=when,
        heirs=heirs,
        strategy=request.strategy.value,
        approver=request.approver.name,
        reason=request.reason.value,
    )


def _confirm(text: str) -> None:
    try:
        agreed = typer.confirm(text, err=True)
    except typer.Abort:
        raise CommandError(
            _("Nobody confirmed, so nothing was done."), _("Add --yes where nobody can be asked.")
        ) from None
    if not agreed:
        raise CommandError(_("Nothing was done."), code=EXIT_FAILURE)


def _later(at: datetime, leaver: Leaver, *, beside: bool) -> str:
    said = _("The lock-out begins at {at}.").format(at=moment(at, leaver.timezone))
    return said if beside else said + " " + _("No bot runs on this data now: start `handover run` before then.")


def held(case: CaseView) -> str:
    """Return why a case waits, and how it goes on. Pure."""
    return _("HELD, nothing is locked. {why} `handover release {id}` does it here.").format(
        why=why_held(case), id=case.id
    )


def _report(case: CaseView, zone: str, *, good: bool, as_json: bool) -> None:
    if as_json:
        show_json(case)
    else:
        show_case(case, zone)
    if not good:
        if not as_json:
            say(_("NOT locked out everywhere. `handover status {id}` shows what is still to do.").format(id=case.id))
        raise typer.Exit(EXIT_FAILURE)
