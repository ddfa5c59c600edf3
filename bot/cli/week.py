"""`handover week`: who leaves this week."""

import typer

from bot import workdays
from bot.cli.context import DEFAULT, AsJson, ConfigPath, open_services
from bot.cli.output import finish, moment, show_table
from bot.slack.messages.acts import reached
from bot.text import N_, _

HELP = N_("A week begins after the company's weekend. Cases that wait for a second person are shown, too.")
EXAMPLES = ("handover week", "handover week --json")


def week(ctx: typer.Context, as_json: AsJson = False, config: ConfigPath = DEFAULT) -> None:
    """Print who leaves this week."""
    with open_services(ctx, config) as services:
        zone = services.settings.company.timezone
        found = services.offboarding.leaving_between(*workdays.week(services.settings, services.clock.now()))
    rows = [
        (view.id, f"{view.leaver.name}\n{view.leaver.email}", moment(view.effective_at, zone), reached(view))
        for view in found
    ]
    finish(
        found,
        lambda: show_table(
            [_("Case"), _("Leaver"), _("Last day"), _("State")], rows, empty=_("Nobody leaves this week.")
        ),
        as_json=as_json,
    )
