"""`handover retry`: another try of a lock-out, and a new proposal of clients after a decline."""

from typing import Annotated

import typer

from bot.cli.actor import author
from bot.cli.context import DEFAULT, ConfigPath, Whose, find_case, open_services_to_work
from bot.cli.output import CommandError, say, warn
from bot.text import N_, _, listed
from workflows.authorization import Right
from workflows.cases.views import CaseView
from workflows.refusals import Code, Refused

HELP = N_(
    """Locks out again where a try failed, and reads the accounts back.

Clients that were declined, refused or stopped are listed again. A new proposal then asks for approval.
"""
)
EXAMPLES = ("handover retry dana@example.com crm", "handover retry dana@example.com")


def retry(
    ctx: typer.Context,
    who: Whose,
    system: Annotated[
        str | None, typer.Argument(metavar="[SYSTEM]", help=N_("The system's name. Without it: every system."))
    ] = None,
    config: ConfigPath = DEFAULT,
) -> None:
    """Retry one system or all of them."""
    with open_services_to_work(ctx, config) as (services, bot_runs):
        case, tried, refusal = find_case(services, who), [], Refused(Code.NOT_OPEN)
        by = author(ctx, services, Right.RETRY)
        for name in _systems(case, system):
            try:
                services.offboarding.retry(case.id, name, by)
                tried.append(name)
            except Refused as refused:
                refusal = refused
        if not tried:
            raise refusal
    text = _("Being tried again: {systems}. `handover status {id}` shows the result.")
    say(text.format(systems=listed(tried), id=case.id))
    if not bot_runs:
        warn(_("No bot runs on this data. The case waits until `handover run` starts."))


def _systems(case: CaseView, named: str | None) -> list[str]:
    known = [line.system for line in case.systems if not line.step]
    if named is None:
        return known
    if named not in known:
        raise CommandError(
            _("There is no system {system} with accounts here. Known are: {known}.").format(
                system=named, known=listed(known)
            )
        )
    return [named]
