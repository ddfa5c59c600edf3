"""`handover returning`: the end of a handover for the time of a leave."""

from typing import Annotated

import typer

from bot import workdays
from bot.cli.actor import author
from bot.cli.arguments import effective, refuse_several
from bot.cli.context import DEFAULT, AsJson, ConfigPath, Whose, open_case
from bot.cli.output import CommandError, finish, moment, say
from bot.text import N_, _
from workflows.authorization import Right
from workflows.clients.views import LeaveView

HELP = N_("To give the clients back instead, use `handover putback`.")
EXAMPLES = (
    "handover returning dana@example.com",
    'handover returning dana@example.com --on "end-of-day 2027-03-01"',
    "handover returning dana@example.com --stay",
)


def returning(
    ctx: typer.Context,
    who: Whose,
    stay: Annotated[bool, typer.Option("--stay", help=N_("Leave the clients with their successors."))] = False,
    on: Annotated[
        str, typer.Option(metavar="WHEN", help=N_('The new time: "end-of-day 2026-12-01" or ISO 8601.'))
    ] = "",
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Change the end of a leave, and print it."""
    refuse_several({"--stay": stay, "--on": on})
    with open_case(ctx, config, who) as (services, case):
        if stay:
            services.leaves.stay(case.id, author(ctx, services, Right.PUT_BACK))
        elif on:
            days = workdays.of(services.settings, case.leaver.timezone)
            at = effective(on, services.clock.now(), case.leaver.timezone, days)
            if at is None:
                raise CommandError(
                    _("--on needs a later time, not now."), _("`handover putback` gives the clients back now.")
                )
            services.leaves.move(case.id, at, author(ctx, services, Right.PUT_BACK))
        leave, zone = services.offboarding.case(case.id).leave, services.settings.company.timezone
    finish(leave, lambda: say(_text(leave, zone)), as_json=as_json)


def _text(leave: LeaveView | None, zone: str) -> str:
    if leave is None:
        return _("This case has no day of return.")
    if leave.answer:
        return _("Answered: {answer}, by {by}, {at}.").format(
            answer=leave.answer, by=leave.answered_by, at=moment(leave.answered_at, zone)
        )
    asked = _(" Asked since {at}.").format(at=moment(leave.asked_at, zone)) if leave.asked_at else ""
    return _("Back on {at}.").format(at=moment(leave.return_on, zone)) + asked
