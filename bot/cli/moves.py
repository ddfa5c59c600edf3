"""`handover moves`: the progress of a case's moves, and their control."""

from typing import Annotated

import typer

from bot.cli.command_errors import CommandError
from bot.cli.confirmation import require_yes
from bot.cli.context import actor, find_case, open_services
from bot.cli.options import DEFAULT, AsJson, ConfigPath, Whose, Yes
from bot.cli.output import say, show_json
from bot.services import Services
from bot.text import N_, _
from workflows.cases.views import CaseView
from workflows.clients.views import ClientsView
from workflows.storage.rows.clients import Halt

HELP = N_(
    """Records that are already on their way to a system are finished.

After a stop the rest stays with the leaver, until a person proposes it again in Slack.
"""
)
EXAMPLES = (
    "handover moves dana@example.com",
    "handover moves dana@example.com --pause",
    "handover moves dana@example.com --stop",
)
Pause = Annotated[bool, typer.Option("--pause", help=N_("Move nothing more until --resume."))]
Resume = Annotated[bool, typer.Option("--resume", help=N_("Continue paused moves."))]
Stop = Annotated[bool, typer.Option("--stop", help=N_("Move nothing more. Moved records stay moved."))]


def moves(
    ctx: typer.Context,
    who: Whose,
    pause: Pause = False,
    resume: Resume = False,
    stop: Stop = False,
    yes: Yes = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Pause, resume or stop the moves of a case, and print their progress."""
    if pause + resume + stop > 1:
        raise CommandError(_("Choose one of --pause, --resume, --stop."))
    with open_services(ctx, config) as services:
        case = find_case(services, who)
        if stop and not yes:
            require_yes(_("Stop moving the clients of {name}? Moved records stay moved.").format(name=case.leaver.name))
        _control(services, case, pause=pause, resume=resume, stop=stop)
        case = services.offboarding.case(case.id)
    if as_json:
        show_json(case.clients)
    elif case.clients is None:
        say(_("No system of case {id} has clients.").format(id=case.id))
    else:
        for line in progress(case.clients):
            say(line)


def _control(services: Services, case: CaseView, *, pause: bool, resume: bool, stop: bool) -> None:
    if pause:
        services.halts.pause(case.id, actor())
    elif resume:
        services.halts.resume(case.id, actor())
    elif stop:
        services.halts.stop(case.id, actor())


def progress(clients: ClientsView) -> list[str]:
    """Return the progress of the moves, line by line. Pure."""
    lines = [
        _("{moved:,} of {listed:,} records moved, {left:,} left.").format(
            moved=clients.moved, listed=clients.listed, left=clients.left
        )
    ]
    if clients.rate and clients.left:
        lines.append(
            _("{rate:.1f} a second; about {minutes:.0f} more minutes.").format(
                rate=clients.rate, minutes=clients.left / clients.rate / 60
            )
        )
    if clients.halted is Halt.PAUSED:
        lines.append(_("Paused by {by}. --resume continues.").format(by=clients.halted_by))
    if clients.halted is Halt.STOPPED:
        lines.append(_("Stopped by {by}; {count:,} not moved.").format(by=clients.halted_by, count=clients.stopped))
    if clients.put_back or clients.putting_back or clients.not_put_back:
        lines.append(
            _("{back:,} put back, {going:,} in progress, {kept:,} not put back: their owner has changed.").format(
                back=clients.put_back, going=clients.putting_back, kept=clients.not_put_back
            )
        )
    return [*lines, *clients.unreturned, *clients.balance, *clients.problems, *clients.put_back_problems]
