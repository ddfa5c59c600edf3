"""`handover close`: the end of all checks of a leaver who was hired again."""

from typing import Annotated

import typer

from bot.cli.actor import author
from bot.cli.context import DEFAULT, ConfigPath, Whose, Yes, open_case, require_yes
from bot.cli.output import CommandError, say
from bot.text import N_, _
from workflows.authorization import Right

HELP = N_("Unlocks nothing. `handover undo` gives the former access back, also after this command.")
EXAMPLES = ("handover close dana@example.com --rehired",)


def close(
    ctx: typer.Context,
    who: Whose,
    rehired: Annotated[bool, typer.Option("--rehired", help=N_("State that the person was hired again."))] = False,
    yes: Yes = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Close a case."""
    if not rehired:
        raise CommandError(_("Closing a case needs a reason."), _("Add --rehired if the person was hired again."))
    with open_case(ctx, config, who) as (services, case):
        require_yes(_("Stop checking {name}? This unlocks nothing.").format(name=case.leaver.name), yes)
        services.offboarding.close(case.id, author(ctx, services, Right.CLOSE))
    say(_("Case {id} is closed. {name} is no longer checked.").format(id=case.id, name=case.leaver.name))
