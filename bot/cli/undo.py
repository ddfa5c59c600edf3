"""`handover undo`: give access back where it was taken by mistake."""

import time
from collections.abc import Callable
from typing import Annotated

import typer

from bot.cli.command_errors import EXIT_FAILURE, CommandError
from bot.cli.context import actor, open_services_to_work, read
from bot.cli.options import DEFAULT, AsJson, ConfigPath, Whose, Yes
from bot.cli.output import show_json
from bot.cli.status import find, show_restored
from bot.text import _
from workflows.cases.views import CaseView

Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait until everything is back.")]
POLL = 0.2


def undo(
    ctx: typer.Context,
    who: Whose,
    yes: Yes = False,
    wait: Wait = 60,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Give a leaver's accounts and groups back as they were before the lock-out, and read them back.

    Ended sessions and revoked tokens do not come back, clients are not moved back, and the case is not checked any
    more. Exits with 1 while something is still to do; it is then tried again by whoever runs the bot.

    For example:
      handover undo dana@example.com
    """
    settings = read(ctx, config)
    with open_services_to_work(ctx, settings) as (services, _beside):
        case = find(services.offboarding.find_case(who), who)
        if not yes:
            confirm(
                _("Give {name} <{email}> access back as it was before case {id}?").format(
                    name=case.leaver.name, email=case.leaver.email, id=case.id
                )
            )
        services.offboarding.undo(case.id, actor())
        case = _watch(lambda: services.offboarding.case(case.id), wait)
    if as_json:
        show_json(case)
    else:
        show_restored(case, settings.company.timezone)
    if not all(line.done for line in case.restored):
        raise typer.Exit(EXIT_FAILURE)


def _watch(look: Callable[[], CaseView], seconds: float) -> CaseView:
    end = time.monotonic() + seconds
    case = look()
    while not all(line.done for line in case.restored) and time.monotonic() < end:
        time.sleep(POLL)
        case = look()
    return case


def confirm(question: str) -> None:
    """Ask, and go on only after a yes."""
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        raise CommandError(
            _("Nobody confirmed, so nothing was done."), _("Add --yes where nobody can be asked.")
        ) from None
    if not agreed:
        raise CommandError(_("Nothing was done."), code=EXIT_FAILURE)
