"""`handover putback`: the return of moved clients to the leaver, all or some."""

from typing import Annotated

import typer

from bot.cli.actor import author
from bot.cli.context import DEFAULT, AsJson, ConfigPath, Whose, Yes, open_case, open_services_to_work, poll, require_yes
from bot.cli.moves import progress
from bot.cli.output import finish, say, show_csv
from bot.slack.messages.moves import called_off, still_accepted
from bot.slack.messages.phrases import clients as count_clients
from bot.slack.messages.phrases import records
from bot.text import N_, _
from workflows.authorization import Right
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
    "handover putback dana@example.com --cancel",
    "handover putback dana@example.com --csv > rest.csv",
)
HEADER = ("system", "client", "record", "kind", "id", "state", "note")


def putback(
    ctx: typer.Context,
    who: Whose,
    clients: Annotated[str, typer.Option(metavar="TEXT", help=N_("Only clients with this text in the name."))] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help=N_("Only show the plan. Changes nothing."))] = False,
    csv: Annotated[
        bool, typer.Option("--csv", help=N_("Print every record of earlier put-backs as CSV. Changes nothing."))
    ] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help=N_("Call off a put-back that has not begun."))] = False,
    yes: Yes = False,
    wait: Annotated[float, typer.Option(min=0, help=N_("Seconds to wait until all records are back."))] = 60,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show what would go back, ask, put it back, and wait."""
    with open_case(ctx, config, who) as (services, case):
        if csv:
            show_csv(csv_lines([HEADER], map(_cells, services.put_backs.csv_lines(case.id))))
            return
        if cancel:
            number = services.put_backs.cancel(case.id, author(ctx, services, Right.PUT_BACK))
            say(called_off(services.offboarding.case(case.id), number))
            return
        plan = services.put_backs.plan(case.id, clients)
    if dry_run:
        finish(plan, lambda: _show(plan), as_json=as_json)
        return
    if not as_json:
        _show(plan)
    require_yes(_("Put {count:,} records back to {name}?").format(count=plan.back, name=case.leaver.name), yes)
    with open_services_to_work(ctx, config) as (services, _bot_runs):
        services.put_backs.begin(case.id, author(ctx, services, Right.PUT_BACK), clients)
        case = poll(lambda: services.offboarding.case(case.id), _finished, wait)
    finish(case.clients, lambda: say(*progress(case)), as_json=as_json, good=_finished(case))


def _finished(case: CaseView) -> bool:
    return not (case.clients and case.clients.putting_back)


def _show(plan: PutBackView) -> None:
    say(
        _("{back:,} of {all:,} records would go back to {name}.").format(
            back=plan.back, all=plan.asked, name=plan.leaver.name
        )
    )
    giving = _("from {name}: {clients} with {records}")
    say(
        *(
            giving.format(name=name, clients=count_clients(one), records=records(count))
            for name, one, count in plan.givers
        )
    )
    if plan.accepted:
        say(still_accepted(plan.accepted))
    if plan.waiting:
        said = _("{count:,} records must wait: the leaver's account is locked. First run: handover undo")
        say(said.format(count=plan.waiting))
    stays = _("stays: {name} ({client}): {note}")
    say(*(stays.format(name=line.name, client=line.family_name, note=line.note) for line in plan.kept))
    if plan.rest > len(plan.kept):
        say(_("… and {count:,} more stay").format(count=plan.rest - len(plan.kept)))


def _cells(line: PutBackLine) -> tuple[object, ...]:
    return line.system, line.family_name, line.name, line.kind, line.record_id, line.state, line.note
