"""`handover reveal`: the name behind the pseudonym of an export snapshot."""

from typing import Annotated

import typer

from bot.cli.actor import author
from bot.cli.context import DEFAULT, ConfigPath, OnRecord, open_services
from bot.cli.output import CommandError, say
from bot.text import N_, _
from workflows.authorization import Right

HELP = N_("Your own name, the time and your reason go on record permanently.")
EXAMPLES = ('handover reveal L-7f3a91c2 --reason "exports after the last day"',)


def reveal(
    ctx: typer.Context,
    pseudonym: Annotated[str, typer.Argument(help=N_("The pseudonym, as security's message has it."))],
    reason: OnRecord = "",
    config: ConfigPath = DEFAULT,
) -> None:
    """Print the name behind a pseudonym."""
    if not reason.strip():
        raise CommandError(_("A reason is needed: it goes on record."), _("Add it with --reason."))
    with open_services(ctx, config) as services:
        by = author(ctx, services, Right.REVEAL)
        opened = services.exports.reveal(services.exports.snapshot_of(pseudonym), by, reason)
    name = opened.leaver.name if opened.leaver else _("no name")
    say(_("{pseudonym} is {name}.").format(pseudonym=opened.pseudonym, name=name))
