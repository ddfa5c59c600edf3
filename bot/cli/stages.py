"""`handover stages`: the stages of a case and its legal hold, and their changes."""

from typing import Annotated

import typer

from bot.cli.actor import author
from bot.cli.arguments import day as parse_day
from bot.cli.arguments import refuse_several
from bot.cli.context import DEFAULT, AsJson, ConfigPath, OnRecord, Whose, open_case
from bot.cli.output import CommandError, finish, moment, say
from bot.services import Services
from bot.slack.messages import stages as messages
from bot.text import N_, _
from workflows.authorization import Right
from workflows.stages.views import OPEN_STATES, StageList

HELP = N_(
    """A case keeps the stages that it was opened with. Settings that change later change new cases alone.

A legal hold stops every act that destroys something, in all cases of the person. Locks go on.

Exits with 1 where a stage has something left to do.
"""
)
EXAMPLES = (
    "handover stages dana@example.com",
    "handover stages dana@example.com --move day_30 --to 2027-02-01",
    "handover stages dana@example.com --run day_30",
    'handover stages dana@example.com --skip day_7 --reason "the clients know"',
    'handover stages dana@example.com --hold --reason "a lawsuit"',
)


def stages(
    ctx: typer.Context,
    who: Whose,
    move: Annotated[str, typer.Option("--move", metavar="STAGE", help=N_("Move this stage to --to."))] = "",
    to: Annotated[str, typer.Option("--to", metavar="DATE", help=N_("The new day, such as 2027-02-01."))] = "",
    run: Annotated[str, typer.Option("--run", metavar="STAGE", help=N_("Run this stage now, or try it again."))] = "",
    skip: Annotated[str, typer.Option("--skip", metavar="STAGE", help=N_("Do no more of this stage."))] = "",
    hold: Annotated[bool, typer.Option("--hold", help=N_("Set a legal hold, as security."))] = False,
    end_hold: Annotated[bool, typer.Option("--end-hold", help=N_("End the legal hold, as security."))] = False,
    reason: OnRecord = "",
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Print the stages of a case, after one change at most."""
    refuse_several({"--move": move, "--run": run, "--skip": skip, "--hold": hold, "--end-hold": end_hold})
    if bool(move) != bool(to):
        raise CommandError(_("--move and --to need each other."))
    with open_case(ctx, config, who) as (services, case):
        if move or run or skip:
            _change(ctx, services, case.id, move=move, to=to, run=run, skip=skip, reason=reason)
        elif hold:
            services.legal_holds.set(case.id, author(ctx, services, Right.HOLD), reason)
        elif end_hold:
            services.legal_holds.end(case.id, author(ctx, services, Right.END_HOLD), reason)
        found, zone = services.stages.of_case(case.id), services.settings.company.timezone
    good = not any(one.state in OPEN_STATES for one in found.stages)
    finish(found, lambda: show(found, zone), as_json=as_json, good=good)


def _change(
    ctx: typer.Context, services: Services, case: str, *, move: str, to: str, run: str, skip: str, reason: str
) -> None:
    by = author(ctx, services, Right.STAGE)
    if move:
        services.stage_control.move(case, move, parse_day(to), by)
    elif run:
        services.stage_control.run_now(case, run, by)
    else:
        services.stage_control.skip(case, skip, by, reason)


def show(found: StageList, zone: str) -> None:
    """Print the stages, what each did in which system, and the holds."""
    for stage in found.stages:
        head, *rest = messages.stage_lines(stage, moment(stage.planned_at, zone))
        say(f"{head} [{stage.name}]", *(f"  {line}" for line in rest))
    if not found.stages:
        say(_("This case has no stages."))
    if found.hold:
        say(messages.hold_text(found.hold, moment(found.hold.set_at, zone)))
    for hold in found.ended_holds:
        text = _("Legal hold from {since} to {until}, ended by {by}: {why}")
        since, until = moment(hold.set_at, zone), moment(hold.ended_at, zone)
        say(text.format(since=since, until=until, by=hold.ended_by, why=hold.ended_why))
