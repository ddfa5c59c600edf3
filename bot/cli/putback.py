"""`handover putback`: undo a handover of clients, whole or in part."""

import csv as sheets
import io
import time
from collections.abc import Callable, Iterable
from typing import Annotated

import typer

from bot.cli.command_errors import EXIT_FAILURE
from bot.cli.context import actor, open_services, open_services_to_work, read
from bot.cli.moves import told
from bot.cli.options import DEFAULT, AsJson, ConfigPath, Whose, Yes
from bot.cli.output import say, show_json
from bot.cli.status import find
from bot.cli.undo import POLL, Wait, confirm
from bot.text import _
from workflows.cases.views import CaseView
from workflows.clients.views import PutBackLine, PutBackView
from workflows.csv_cells import escape_cell

Clients = Annotated[str, typer.Option("--clients", metavar="TEXT", help="Only clients whose name has this in it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would go back; nothing is changed.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print every record of an undone handover; do nothing.")]
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
    """Give handed-over clients back to the leaver, as far as nobody has changed their owner since.

    First says what would go back, from a fresh read, and asks. What changed hands since stays, and is listed with who
    has it now. Exits with 1 while something is still on its way.

    For example:
      handover putback dana@example.com --dry-run
      handover putback dana@example.com --clients "Northwind"
      handover putback dana@example.com --csv > rest.csv
    """
    settings = read(ctx, config)
    with open_services(ctx, config) as services:
        case = find(services.offboarding.find_case(who), who)
        if csv:
            typer.echo(_sheet(services.put_backs.csv_lines(case.id)), nl=False)
            return
        plan = services.put_backs.plan(case.id, clients)
    if dry_run and as_json:
        show_json(plan)
    elif not as_json:
        _show(plan)
    if dry_run:
        return
    if not yes:
        confirm(_("Put {count:,} records back to {name}?").format(count=plan.back, name=case.leaver.name))
    with open_services_to_work(ctx, settings) as (services, _beside):
        services.put_backs.begin(case.id, actor(), clients)
        case = _watch(lambda: services.offboarding.case(case.id), wait)
    if as_json:
        show_json(case.clients)
    elif case.clients:
        for line in told(case.clients):
            say(line)
    if case.clients and case.clients.putting_back:
        raise typer.Exit(EXIT_FAILURE)


def _show(plan: PutBackView) -> None:
    say(
        _("{back:,} of {all:,} records would go back to {name}.").format(
            back=plan.back, all=plan.asked, name=plan.leaver.name
        )
    )
    if plan.waiting:
        say(
            _(
                "{count:,} would have to wait: the leaver's account is locked. Give access back first: handover undo"
            ).format(count=plan.waiting)
        )
    for line in plan.kept:
        say(_("stays: {name} ({client}): {note}").format(name=line.name, client=line.family_name, note=line.note))
    if plan.rest > len(plan.kept):
        say(_("… and {count:,} more stay").format(count=plan.rest - len(plan.kept)))


def _watch(look: Callable[[], CaseView], seconds: float) -> CaseView:
    end = time.monotonic() + seconds
    case = look()
    while case.clients and case.clients.putting_back and time.monotonic() < end:
        time.sleep(POLL)
        case = look()
    return case


def _sheet(lines: Iterable[PutBackLine]) -> str:
    text = io.StringIO()
    table = sheets.writer(text)
    table.writerow(HEADER)
    for line in lines:
        table.writerow(
            [
                escape_cell(value)
                for value in (
                    line.system,
                    line.family_name,
                    line.name,
                    line.kind,
                    line.record_id,
                    str(line.state),
                    line.note,
                )
            ]
        )
    return text.getvalue()
