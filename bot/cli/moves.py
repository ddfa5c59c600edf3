"""`handover moves`: the progress of a case's moves, and their control."""

from typing import Annotated

import typer

from bot.cli.actor import author
from bot.cli.arguments import refuse_several
from bot.cli.context import DEFAULT, AsJson, ConfigPath, Whose, Yes, open_case, require_yes
from bot.cli.output import finish, say
from bot.text import N_, _
from workflows.authorization import Right
from workflows.cases.views import CaseView
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


def moves(
    ctx: typer.Context,
    who: Whose,
    pause: Annotated[bool, typer.Option("--pause", help=N_("Move nothing more until --resume."))] = False,
    resume: Annotated[bool, typer.Option("--resume", help=N_("Continue paused moves."))] = False,
    stop: Annotated[bool, typer.Option("--stop", help=N_("Move nothing more. Moved records stay moved."))] = False,
    yes: Yes = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Pause, resume or stop the moves of a case, and print their progress."""
    refuse_several({"--pause": pause, "--resume": resume, "--stop": stop})
    with open_case(ctx, config, who) as (services, case):
        if pause:
            services.halts.pause(case.id, author(ctx, services, Right.HALT))
        elif resume:
            services.halts.resume(case.id, author(ctx, services, Right.HALT))
        elif stop:
            question = _("Stop moving the clients of {name}? Moved records stay moved.")
            require_yes(question.format(name=case.leaver.name), yes)
            services.halts.stop(case.id, author(ctx, services, Right.HALT))
        now = services.offboarding.case(case.id)
    finish(now.clients, lambda: say(*progress(now)), as_json=as_json)


def progress(case: CaseView) -> list[str]:
    """Return the progress of a case's moves, line by line. Pure."""
    clients = case.clients
    if clients is None:
        return [_("No system of case {id} has clients.").format(id=case.id)]
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
    if clients.accepted:
        lines.append(_("{count:,} accepted by the system and not done yet.").format(count=clients.accepted))
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
    lines += clients.told
    return [*lines, *clients.unreturned, *clients.balance, *clients.problems, *clients.put_back_problems]
