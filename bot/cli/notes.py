"""`handover notes`: the handover note of each successor, as in Slack."""

from typing import Annotated

import typer

from bot.cli.command_errors import EXIT_FAILURE, CommandError
from bot.cli.context import find_case, open_services
from bot.cli.options import DEFAULT, AsJson, ConfigPath, Whose
from bot.cli.output import money, say, show_csv, show_json
from bot.slack.messages.note import introduction as draft_of
from bot.text import N_, _
from workflows.clients.views import NoteView

HELP = N_("A note has the successor's new clients, their open records and the next steps. Sends nothing.")
EXAMPLES = (
    "handover notes dana@example.com",
    "handover notes dana@example.com --successor bob@example.com --csv > clients.csv",
    "handover notes dana@example.com --successor bob@example.com --introduction",
)
SuccessorEmail = Annotated[str, typer.Option("--successor", metavar="EMAIL", help=N_("Only this successor's note."))]
Csv = Annotated[bool, typer.Option("--csv", help=N_("Print every record of one successor as CSV."))]
Draft = Annotated[bool, typer.Option("--introduction", help=N_("Print the draft of a letter to the clients."))]


def notes(
    ctx: typer.Context,
    who: Whose,
    successor: SuccessorEmail = "",
    csv: Csv = False,
    introduction: Draft = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Print the handover notes of a case."""
    with open_services(ctx, config) as services:
        case = find_case(services, who)
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
    if as_json:
        show_json(found)
        return
    for one in found:
        say(draft_of(one) if introduction else _text(one))


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
