"""`handover undo`: the return of access that was locked by mistake."""

from typing import Annotated

import typer

from bot.cli.actor import author
from bot.cli.context import (
    DEFAULT,
    AsJson,
    ConfigPath,
    OnRecord,
    Whose,
    Yes,
    find_case,
    open_services_to_work,
    poll,
    require_yes,
)
from bot.cli.output import CommandError, finish
from bot.cli.status import show_restored
from bot.text import N_, _
from workflows.authorization import Right
from workflows.cases.views import CaseView
from workflows.storage.rows.case import CaseState

HELP = N_(
    """Restores accounts and groups as they were before the lock-out, and reads them back.

Ended sessions and revoked tokens do not come back, and clients are not moved back. The case is no longer checked.

Exits with 1 while a step is still open. A running bot tries it again.
"""
)
EXAMPLES = ('handover undo dana@example.com --reason "the wrong Dana"',)


def undo(
    ctx: typer.Context,
    who: Whose,
    reason: OnRecord = "",
    yes: Yes = False,
    wait: Annotated[float, typer.Option(min=0, help=N_("Seconds to wait until all access is back."))] = 60,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Ask, undo a case, and wait for the result."""
    with open_services_to_work(ctx, config) as (services, _bot_runs):
        case = find_case(services, who)
        if not (reason.strip() or case.state is CaseState.UNDONE):
            raise CommandError(_("A reason is needed: it goes on record."), _("Add it with --reason."))
        question = _("Give {name} <{email}> access back as it was before case {id}?")
        require_yes(question.format(name=case.leaver.name, email=case.leaver.email, id=case.id), yes)
        services.offboarding.undo(case.id, author(ctx, services, Right.UNDO), reason)
        case = poll(lambda: services.offboarding.case(case.id), _restored, wait)
        zone = services.settings.company.timezone
    finish(case, lambda: show_restored(case, zone), as_json=as_json, good=_restored(case))


def _restored(case: CaseView) -> bool:
    return bool(case.restored) and all(line.done for line in case.restored)
