"""`handover delegate`: who decides while somebody is away."""

from datetime import date
from typing import Annotated

import typer

from bot.cli.command_errors import CommandError
from bot.cli.context import actor, open_services
from bot.cli.options import DEFAULT, AsJson, ConfigPath
from bot.cli.output import say, show_json, show_table
from bot.slack.forms.delegate import period
from bot.text import _
from workflows.clients.views import DelegationView

Away = Annotated[str, typer.Argument(metavar="[AWAY]", help="Slack id of who is away; without it: list.")]
To = Annotated[str, typer.Option("--to", metavar="ID", help="Slack id of who decides meanwhile.")]
First = Annotated[str, typer.Option("--from", metavar="DAY", help="First day, 2026-12-21.")]
Last = Annotated[str, typer.Option("--until", metavar="DAY", help="Last day, the whole of it.")]
End = Annotated[str, typer.Option("--end", metavar="ID", help="End this delegation now.")]


def delegate(
    ctx: typer.Context,
    away: Away = "",
    to: To = "",
    first: First = "",
    last: Last = "",
    end: End = "",
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """List who decides for whom during an absence, name somebody, or end it. Days are those of the company's zone.

    For example:
      handover delegate
      handover delegate U0MAX --to U0EVE --from 2026-12-21 --until 2027-01-04
      handover delegate --end D-1a2b3c4d
    """
    with open_services(ctx, config) as services:
        if end:
            services.delegations.end(end, actor())
        elif away:
            if not to:
                raise CommandError(_("Nobody is named to decide meanwhile."), _("Add --to with their Slack id."))
            since, until = period(_day(first), _day(last), services.settings.company.timezone)
            services.delegations.make(away, to, since, until, actor())
        found = services.delegations.present()
    if as_json:
        show_json(found)
    elif found:
        show_table([_("Id"), _("Away"), _("Decides"), _("From"), _("Until")], [_row(one) for one in found])
    else:
        say(_("Nobody decides for anybody else."))


def _row(one: DelegationView) -> tuple[str, ...]:
    since, until = (at.isoformat(timespec="minutes") for at in (one.since, one.until))
    return one.id, one.principal.name, one.delegate.name, since, until


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(_("{text!r} is not a date.").format(text=text), _("Write it as 2026-12-01.")) from None
