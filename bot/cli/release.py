"""`handover release`: the release of a held case by a second person."""

from typing import Annotated

import typer

from bot.cli.actor import author
from bot.cli.context import DEFAULT, ConfigPath, Whose, Yes, find_case, open_services_to_work, require_yes
from bot.cli.output import say, warn
from bot.text import N_, _
from workflows.authorization import Right
from workflows.storage.rows.case import HoldReason

HELP = N_("Needs a second person, not the one who opened the case.")
EXAMPLES = ("handover release HO-261201-a1b2c3", "handover release HO-261201-a1b2c3 --reject")


def release(
    ctx: typer.Context,
    who: Whose,
    reject: Annotated[bool, typer.Option("--reject", help=N_("Cancel the held case instead."))] = False,
    yes: Yes = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Release or reject a held case."""
    with open_services_to_work(ctx, config) as (services, bot_runs):
        case = find_case(services, who)
        question = _("Reject the case of {name}?") if reject else _("Release the case of {name}?")
        require_yes(question.format(name=case.leaver.name), yes)
        if reject:
            services.offboarding.reject(case.id, author(ctx, services, Right.REJECT))
        else:
            right = Right.RELEASE_IMMEDIATE if case.held == HoldReason.IMMEDIATE else Right.RELEASE
            services.offboarding.release(case.id, author(ctx, services, right))
    said = _("Case {id} is rejected; nothing was locked.") if reject else _("Case {id} is released.")
    say(said.format(id=case.id))
    if not (reject or bot_runs):
        warn(_("No bot runs on this data. The case waits until `handover run` starts."))
