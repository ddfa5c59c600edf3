"""`handover notes`: the handover note of each successor, as in Slack."""

from typing import Annotated

import typer

from bot.cli.context import DEFAULT, AsJson, ConfigPath, Whose, open_case
from bot.cli.output import EXIT_FAILURE, CommandError, finish, money, say, show_csv
from bot.slack.messages.note import introduction as draft_of
from bot.text import N_, _
from workflows.clients.views import NoteView

HELP = N_("A note has the successor's new clients, their open records and the next steps. Sends nothing.")
EXAMPLES = (
    "handover notes dana@example.com",
    "handover notes dana@example.com --successor bob@example.com --csv > clients.csv",
    "handover notes dana@example.com --successor bob@example.com --introduction",
)


def notes(
    ctx: typer.Context,
    who: Whose,
    successor: Annotated[str, typer.Option(metavar="EMAIL", help=N_("Only this successor's note."))] = "",
    csv: Annotated[bool, typer.Option("--csv", help=N_("Print every record of one successor as CSV."))] = False,
    introduction: Annotated[
        bool, typer.Option("--introduction", help=N_("Print the draft of a letter to the clients."))
    ] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Print the handover notes of a case."""
    with open_case(ctx, config, who) as (services, case):
        found = [
            one
            for one in services.notes.of_case(case.id)
            if successor.casefold() in ("", one.successor.email.casefold())
        ]
        if not found:
            raise CommandError(_("No clients of case {id} were moved yet.").format(id=case.id), code=EXIT_FAILURE)
        if csv:
            if len(found) > 1:
                raise CommandError(_("Several successors received clients."), _("Add --successor EMAIL."))
            show_csv(services.notes.csv(found[0].id))
            return
    text = draft_of if introduction else _text
    finish(found, lambda: say(*map(text, found)), as_json=as_json)


def _text(view: NoteView) -> str:
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
