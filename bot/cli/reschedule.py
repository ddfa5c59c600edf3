"""`handover reschedule`: another day for a case that has not begun."""

from typing import Annotated

import typer

from bot import workdays
from bot.cli.actor import author
from bot.cli.arguments import effective, warn_of_day_off
from bot.cli.context import DEFAULT, ConfigPath, Whose, open_case
from bot.cli.output import CommandError, moment, say
from bot.text import N_, _
from workflows.authorization import Right
from workflows.storage.rows.case import CaseState

HELP = N_("Warns where the new day is no working day.")
EXAMPLES = ('handover reschedule dana@example.com --at "end-of-day 2026-12-01"',)


def reschedule(
    ctx: typer.Context,
    who: Whose,
    at: Annotated[str, typer.Option(help=N_('"end-of-day 2026-12-01" in the leaver\'s zone, or ISO 8601.'))],
    config: ConfigPath = DEFAULT,
) -> None:
    """Reschedule a case."""
    with open_case(ctx, config, who) as (services, case):
        days, zone = workdays.of(services.settings, case.leaver.timezone), case.leaver.timezone
        when = effective(at, services.clock.now(), zone, days)
        if when is None:
            raise CommandError(
                _("A scheduled case cannot be moved to now."),
                _("Cancel the case. Then `handover offboard EMAIL` locks at once."),
            )
        services.offboarding.reschedule(case.id, when, author(ctx, services, Right.RESCHEDULE))
        held = services.offboarding.case(case.id).state is CaseState.HELD
    warn_of_day_off(when, zone, days)
    say(_("Case {id} takes effect at {at}.").format(id=case.id, at=moment(when, zone)))
    if held:
        say(_("It is still held until a second person releases it."))
