"""`handover introductions`: the introductions of new contacts to clients, read now, and sending them."""

from collections.abc import Sequence
from typing import Annotated

import typer

from bot.cli.actor import author
from bot.cli.context import DEFAULT, AsJson, ConfigPath, Whose, Yes, open_case, require_yes
from bot.cli.output import finish, moment, say, show_table
from bot.text import N_, _, punctuated
from config.text import shown
from workflows.authorization import Right
from workflows.clients.views import IntroductionLine
from workflows.storage.rows.clients import IntroductionState

HELP = N_(
    """States are read from the systems now. Only clients who have moved get one, with the text that was approved.

Exits with 1 where an introduction is not sent, or is not known.
"""
)
EXAMPLES = ("handover introductions dana@example.com", "handover introductions dana@example.com --send")


def introductions(
    ctx: typer.Context,
    who: Whose,
    send: Annotated[bool, typer.Option("--send", help=N_("Send the introductions that are missing."))] = False,
    successor: Annotated[
        str, typer.Option(metavar="EMAIL", help=N_("With --send: only the clients of this successor."))
    ] = "",
    yes: Yes = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Print the introductions of a case, after sending those that are missing."""
    with open_case(ctx, config, who) as (services, case):
        problems: dict[str, str] = {}
        if send:
            require_yes(
                _("Introduce the new contacts to the clients of {name}? That cannot be taken back.").format(
                    name=case.leaver.name
                ),
                yes,
            )
            results = services.introductions.send(case.id, author(ctx, services, Right.TELL), successor.casefold())
            problems = {system: shown(one.problem) for system, one in results.items() if one.problem}
        else:
            problems = services.introductions.read(case.id)
        lines, zone = services.introductions.lines(case.id), services.settings.company.timezone
    done = not problems and all(line.state is IntroductionState.SENT for line in lines)
    answer = {"introductions": lines, "problems": problems}
    finish(answer, lambda: show(lines, problems, zone), as_json=as_json, good=done)


def show(lines: Sequence[IntroductionLine], problems: dict[str, str], zone: str) -> None:
    """Print a table of the introductions, and what is still to do."""
    head = [_("System"), _("Client"), _("New contact"), _("By"), _("State"), _("Read")]
    if lines:
        show_table(head, [_row(line, zone) for line in lines])
    else:
        say(_("No introduction of this case was sent."))
    say(*(punctuated(": ").join((system, what)) for system, what in problems.items()))


def _row(line: IntroductionLine, zone: str) -> tuple[str, ...]:
    state = _(line.state.value)
    with_reason = punctuated("{state} ({reason})").format(state=state, reason=line.reason)
    read = moment(line.read_at, zone) if line.read_at else _("not read")
    return (
        line.system,
        line.client,
        line.successor.name,
        _(line.way.value),
        with_reason if line.reason else state,
        read,
    )
