"""`handover putback`: the return of moved clients to the leaver, all or some."""

from typing import Annotated

import typer

from bot.cli.command_errors import EXIT_FAILURE
from bot.cli.confirmation import require_yes
from bot.cli.context import actor, find_case, open_services, open_services_to_work, read
from bot.cli.moves import progress
from bot.cli.options import DEFAULT, AsJson, ConfigPath, Whose, Yes
from bot.cli.output import say, show_csv, show_json
from bot.cli.polling import poll
from bot.text import N_, _
from workflows.cases.views import CaseView
from workflows.clients.views import PutBackLine, PutBackView
from workflows.csv_cells import csv_lines

HELP = N_(
    """Reads every record again, shows the plan, and asks for confirmation.

Records stay where their owner has changed since the move, and are listed with the present owner.

Exits with 1 while records are still in progress.
"""
)
EXAMPLES = (
    "handover putback dana@example.com --dry-run",
    'handover putback dana@example.com --clients "Northwind"',
    "handover putback dana@example.com --csv > rest.csv",
)
Clients = Annotated[str, typer.Option("--clients", metavar="TEXT", help=N_("Only clients with this text in the name."))]
DryRun = Annotated[bool, typer.Option("--dry-run", help=N_("Only show the plan. Changes nothing."))]
Csv = Annotated[
    bool, typer.Option("--csv", help=N_("Print every record of earlier put-backs as CSV. Changes nothing."))
]
Wait = Annotated[float, typer.Option(min=0, help=N_("Seconds to wait until all records are back."))]
HEADER = ("system", "client", "record", "kind", "id", "state", "note")


def putback(
    ctx: typer.Context,
    who: Whose,
    clients: Clients = "",
    dry_run: DryRun = False,
    csv: Csv = False,
    yes: Yes = False,
    wait: Wait = 60,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show what would go back, ask, put it back, and wait."""
    settings = read(ctx, config)
    with open_services(ctx, config) as services:
        case = find_case(services, who)
        if csv:
            show_csv(csv_lines([HEADER], map(_cells, services.put_backs.csv_lines(case.id))))
            return
        plan = services.put_backs.plan(case.id, clients)
    if dry_run and as_json:
        show_json(plan)
    elif not as_json:
        _show(plan)
    if dry_run:
        return
    if not yes:
        require_yes(_("Put {count:,} records back to {name}?").format(count=plan.back, name=case.leaver.name))
    with open_services_to_work(ctx, settings) as (services, _bot_runs):
        services.put_backs.begin(case.id, actor(), clients)
        case = poll(lambda: services.offboarding.case(case.id), _finished, wait)
    _report(case, as_json=as_json)


def _finished(case: CaseView) -> bool:
    return not (case.clients and case.clients.putting_back)


def _report(case: CaseView, *, as_json: bool) -> None:
    if as_json:
        show_json(case.clients)
    elif case.clients:
        for line in progress(case.clients):
            say(line)
    if not _finished(case):
        raise typer.Exit(EXIT_FAILURE)


def _show(plan: PutBackView) -> None:
    say(
        _("{back:,} of {all:,} records would go back to {name}.").format(
            back=plan.back, all=plan.asked, name=plan.leaver.name
        )
    )
    if plan.waiting:
        said = _("{count:,} records must wait: the leaver's account is locked. First run: handover undo")
        say(said.format(count=plan.waiting))
    for line in plan.kept:
        say(_("stays: {name} ({client}): {note}").format(name=line.name, client=line.family_name, note=line.note))
    if plan.rest > len(plan.kept):
        say(_("… and {count:,} more stay").format(count=plan.rest - len(plan.kept)))


def _cells(line: PutBackLine) -> tuple[object, ...]:
    return line.system, line.family_name, line.name, line.kind, line.record_id, line.state, line.note
