"""`handover moves`: how far the moves of a case are; pause, resume or stop them."""

from typing import Annotated

import typer

from bot.cli.command_errors import EXIT_USAGE, CommandError
from bot.cli.context import actor, open_services
from bot.cli.options import DEFAULT, AsJson, ConfigPath, Whose, Yes
from bot.cli.output import say, show_json
from bot.cli.status import find
from bot.cli.undo import confirm
from bot.services import Services
from bot.text import _
from workflows.cases.views import CaseView
from workflows.clients.views import ClientsView

Pause = Annotated[bool, typer.Option("--pause", help="Move nothing more until --resume.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where the moves were paused.")]
Halt = Annotated[bool, typer.Option("--stop", help="Leave what is moved, move nothing more.")]


def moves(
    ctx: typer.Context,
    who: Whose,
    pause: Pause = False,
    resume: Resume = False,
    stop: Halt = False,
    yes: Yes = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show how far a leaver's clients are moved; pause, resume or stop.

    What is on its way to a system is finished. What a stop leaves can be proposed again with Retry in Slack.

    For example:
      handover moves dana@example.com
      handover moves dana@example.com --pause
      handover moves dana@example.com --stop
    """
    if pause + resume + stop > 1:
        raise CommandError(_("Only one of --pause, --resume and --stop at a time."), code=EXIT_USAGE)
    with open_services(ctx, config) as services:
        case = find(services.offboarding.find_case(who), who)
        _do(services, case, pause=pause, resume=resume, stop=stop, yes=yes)
        case = services.offboarding.case(case.id)
    if as_json:
        show_json(case.clients)
    elif case.clients is None:
        say(_("No system of case {id} has clients.").format(id=case.id))
    else:
        for line in told(case.clients):
            say(line)


def _do(services: Services, case: CaseView, *, pause: bool, resume: bool, stop: bool, yes: bool) -> None:
    if pause:
        services.halts.pause(case.id, actor())
    elif resume:
        services.halts.resume(case.id, actor())
    elif stop:
        if not yes:
            confirm(_("Stop moving the clients of {name}? What is moved stays moved.").format(name=case.leaver.name))
        services.halts.stop(case.id, actor())


def told(clients: ClientsView) -> list[str]:
    """Return where the moves stand, line by line. Pure."""
    lines = [
        _("{moved:,} of {listed:,} records moved, {left:,} left.").format(
            moved=clients.moved, listed=clients.listed, left=clients.left
        )
    ]
    if clients.rate and clients.left:
        lines.append(
            _("{rate:.1f} a second; about {minutes:.0f} minutes more.").format(
                rate=clients.rate, minutes=clients.left / clients.rate / 60
            )
        )
    if clients.halted == "paused":
        lines.append(_("Paused by {by}; --resume goes on.").format(by=clients.halted_by))
    if clients.halted == "stopped":
        lines.append(_("Stopped by {by}; {count:,} were left.").format(by=clients.halted_by, count=clients.stopped))
    if clients.put_back or clients.putting_back or clients.not_put_back:
        lines.append(
            _("{back:,} put back, {going:,} on the way, {kept:,} not: others have them now.").format(
                back=clients.put_back, going=clients.putting_back, kept=clients.not_put_back
            )
        )
    return [*lines, *clients.unreturned, *clients.balance, *clients.problems, *clients.put_back_problems]
