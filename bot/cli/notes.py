"""`handover notes`: what each successor got, as they are told in Slack."""

from typing import Annotated

import typer

from bot.cli.command_errors import EXIT_FAILURE, EXIT_USAGE, CommandError
from bot.cli.context import open_services
from bot.cli.options import DEFAULT, AsJson, ConfigPath, Whose
from bot.cli.output import money, say, show_json
from bot.cli.status import find
from bot.slack.messages.note import introduction as draft_of
from bot.text import _
from workflows.clients.views import NoteView

SuccessorEmail = Annotated[str, typer.Option("--successor", metavar="EMAIL", help="Only this successor's.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print every record of one successor as CSV.")]
Draft = Annotated[bool, typer.Option("--introduction", help="Print a draft to introduce oneself to clients.")]


def notes(
    ctx: typer.Context,
    who: Whose,
    successor: SuccessorEmail = "",
    csv: Csv = False,
    introduction: Draft = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show what each successor got from a leaver: clients, open records, what to do next. Sends nothing to anybody.

    For example:
      handover notes dana@example.com
      handover notes dana@example.com --successor bob@example.com --csv > clients.csv
      handover notes dana@example.com --successor bob@example.com --introduction
    """
    with open_services(ctx, config) as services:
        case = find(services.offboarding.find_case(who), who)
        found = [
            one
            for one in services.notes.of_case(case.id)
            if successor.casefold() in ("", one.successor.email.casefold())
        ]
        if not found:
            raise CommandError(_("Nobody has got clients of case {id}.").format(id=case.id), code=EXIT_FAILURE)
        if csv:
            if len(found) > 1:
                raise CommandError(_("Several successors got clients; --csv needs --successor EMAIL."), code=EXIT_USAGE)
            typer.echo(services.notes.csv(found[0].id), nl=False)
            return
    if as_json:
        show_json(found)
        return
    for one in found:
        say(draft_of(one) if introduction else _told(one))


def _told(view: NoteView) -> str:
    head = _("{name} <{email}>: {records:,} records of {clients:,} clients, {open:,} open").format(
        name=view.successor.name, email=view.successor.email, records=view.records, clients=view.clients, open=view.open
    )
    return "\n".join(
        [
            f"{head} {money(view.value)}".strip(),
            *(
                f"  {line.family_name}: {line.name} ({line.kind} {line.stage} {money({line.currency: line.value})})"
                for line in view.next
            ),
        ]
    )
