"""`handover delegate`: delegates who decide during an approver's absence."""

from collections.abc import Sequence
from typing import Annotated

import typer

from bot.cli.actor import author
from bot.cli.arguments import day
from bot.cli.context import DEFAULT, AsJson, ConfigPath, open_services
from bot.cli.output import CommandError, finish, show_table
from bot.slack.forms.people import period
from bot.text import N_, _
from workflows.authorization import Right
from workflows.clients.views import DelegationView

HELP = N_("A delegate decides in place of an absent approver. Days are days of the company's time zone.")
EXAMPLES = (
    "handover delegate",
    "handover delegate U0MAX --to U0EVE --from 2026-12-21 --until 2027-01-04",
    "handover delegate --end D-1a2b3c4d",
)


def delegate(
    ctx: typer.Context,
    away: Annotated[
        str, typer.Argument(metavar="AWAY", help=N_("Slack id of the absent approver. Without it, list delegates."))
    ] = "",
    to: Annotated[str, typer.Option(metavar="ID", help=N_("Slack id of the delegate."))] = "",
    first: Annotated[str, typer.Option("--from", metavar="DAY", help=N_("First day, such as 2026-12-21."))] = "",
    last: Annotated[str, typer.Option("--until", metavar="DAY", help=N_("Last day, included."))] = "",
    end: Annotated[str, typer.Option(metavar="ID", help=N_("End this delegation now."))] = "",
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Name a delegate, end a delegation, and print the present ones."""
    with open_services(ctx, config) as services:
        if end:
            own = [one.principal.slack_id for one in services.delegations.present() if one.id == end]
            services.delegations.end(end, author(ctx, services, Right.APPOINT, *own))
        elif away:
            if not to:
                raise CommandError(_("A delegate is missing."), _("Add --to with the delegate's Slack id."))
            since, until = period(day(first), day(last), services.settings.company.timezone)
            services.delegations.make(away, to, since, until, author(ctx, services, Right.APPOINT, away))
        found = services.delegations.present()
    finish(found, lambda: _show(found), as_json=as_json)


def _show(found: Sequence[DelegationView]) -> None:
    rows = [
        (
            one.id,
            one.principal.name,
            one.delegate.name,
            one.since.isoformat(timespec="minutes"),
            one.until.isoformat(timespec="minutes"),
        )
        for one in found
    ]
    show_table([_("Id"), _("Away"), _("Delegate"), _("From"), _("Until")], rows, empty=_("There are no delegates."))
