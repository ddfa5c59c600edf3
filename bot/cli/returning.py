"""`handover returning`: the end of a handover for a time, from the terminal."""

from typing import Annotated

import typer

from bot import workdays
from bot.cli.command_errors import EXIT_USAGE, CommandError
from bot.cli.context import actor, open_services
from bot.cli.effective_time import effective
from bot.cli.options import DEFAULT, AsJson, ConfigPath, Whose
from bot.cli.output import moment, say, show_json
from bot.cli.status import find
from bot.text import _
from workflows.clients.views import LeaveView

Stay = Annotated[bool, typer.Option("--stay", help="Leave the clients with those who have them.")]
On = Annotated[str, typer.Option("--on", metavar="WHEN", help='Another day: "end-of-day 2026-12-01" or ISO 8601.')]


def returning(
    ctx: typer.Context,
    who: Whose,
    stay: Stay = False,
    on: On = "",
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show when a person on leave comes back; leave the clients where they are, or choose another day.

    `handover putback` is the other answer: it puts the clients back.

    For example:
      handover returning dana@example.com
      handover returning dana@example.com --on "end-of-day 2027-03-01"
      handover returning dana@example.com --stay
    """
    if stay and on:
        raise CommandError(_("Only one of --stay and --on at a time."), code=EXIT_USAGE)
    with open_services(ctx, config) as services:
        case = find(services.offboarding.find_case(who), who)
        if stay:
            services.leaves.stay(case.id, actor())
        elif on:
            days = workdays.of(services.settings.company)
            at = effective(on, services.clock.now(), case.leaver.timezone, days)
            if at is None:
                raise CommandError(
                    _("A day of return is needed, not now."), _("`handover putback` puts them back now.")
                )
            services.leaves.move(case.id, at, actor())
        leave, zone = services.offboarding.case(case.id).leave, services.settings.company.timezone
    if as_json:
        show_json(leave)
    else:
        say(_told(leave, zone))


def _told(leave: LeaveView | None, zone: str) -> str:
    if leave is None:
        return _("This case has no day of return.")
    if leave.answer:
        return _("Answered: {answer}, by {by}, {at}.").format(
            answer=leave.answer, by=leave.answered_by, at=moment(leave.answered_at, zone)
        )
    asked = _(" Asked since {at}.").format(at=moment(leave.asked_at, zone)) if leave.asked_at else ""
    return _("Back on {at}.").format(at=moment(leave.return_on, zone)) + asked
