"""`handover re-approve`: a new proposal for approved records whose decisions cannot be checked any more."""

import typer

from bot.cli.actor import author
from bot.cli.context import DEFAULT, ConfigPath, Whose, Yes, open_case, require_yes
from bot.cli.output import say
from bot.text import N_, _, ngettext
from workflows.authorization import Right

HELP = N_(
    """For decisions whose key is lost, or whose rows were changed in the database.

Nothing moves by the old approval. The book is listed again, and the people are asked about what is left.
"""
)
EXAMPLES = ("handover re-approve dana@example.com",)


def re_approve(ctx: typer.Context, who: Whose, yes: Yes = False, config: ConfigPath = DEFAULT) -> None:
    """Ask again about every approved record of a case that has not moved."""
    with open_case(ctx, config, who) as (services, case):
        require_yes(_("Ask again about the clients of {name}?").format(name=case.leaver.name), yes)
        number = services.halts.approve_again(case.id, author(ctx, services, Right.RETRY))
    said = ngettext("{count} record is proposed again.", "{count} records are proposed again.", number)
    say(said.format(count=number))
