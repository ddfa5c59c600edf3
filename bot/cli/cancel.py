"""`handover cancel`: the end of an offboarding that has not begun."""

import typer

from bot.cli.actor import author
from bot.cli.context import DEFAULT, ConfigPath, OnRecord, Whose, Yes, open_case, require_yes
from bot.cli.output import CommandError, say
from bot.text import N_, _
from workflows.authorization import Right

HELP = N_("Nothing is locked, and open proposals are withdrawn. After the lock-out, use `handover undo` instead.")
EXAMPLES = ('handover cancel dana@example.com --reason "she stays"',)


def cancel(
    ctx: typer.Context, who: Whose, reason: OnRecord = "", yes: Yes = False, config: ConfigPath = DEFAULT
) -> None:
    """Cancel a case."""
    if not reason.strip():
        raise CommandError(_("A reason is needed: it goes on record."), _("Add it with --reason."))
    with open_case(ctx, config, who) as (services, case):
        question = (
            _("Cancel the handover of {name}?") if case.leaver.is_group else _("Cancel the offboarding of {name}?")
        )
        require_yes(question.format(name=case.leaver.name), yes)
        services.offboarding.cancel(case.id, author(ctx, services, Right.CANCEL), reason)
    say(_("Case {id} is cancelled. Nothing was locked.").format(id=case.id))
