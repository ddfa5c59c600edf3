"""`handover close`: the end of all checks of a leaver who was hired again."""

from typing import Annotated

import typer

from bot.cli.command_errors import CommandError
from bot.cli.confirmation import require_yes
from bot.cli.context import actor, find_case, open_services
from bot.cli.options import DEFAULT, ConfigPath, Whose, Yes
from bot.cli.output import say
from bot.text import N_, _

HELP = N_("Unlocks nothing. `handover undo` gives access back.")
EXAMPLES = ("handover close dana@example.com --rehired",)
Rehired = Annotated[bool, typer.Option("--rehired", help=N_("State that the person was hired again."))]


def close(
    ctx: typer.Context, who: Whose, rehired: Rehired = False, yes: Yes = False, config: ConfigPath = DEFAULT
) -> None:
    """Close a case."""
    if not rehired:
        raise CommandError(_("Closing a case needs a reason."), _("Add --rehired if the person was hired again."))
    with open_services(ctx, config) as services:
        case = find_case(services, who)
        if not yes:
            require_yes(_("Stop checking {name}? This unlocks nothing.").format(name=case.leaver.name))
        services.offboarding.close(case.id, actor())
    say(_("Case {id} is closed. {name} is no longer checked.").format(id=case.id, name=case.leaver.name))
