"""`handover proposal`: the proposed split of a leaver's clients, and changes to it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.actor import author
from bot.cli.arguments import content, faulty, refuse_several
from bot.cli.case_request import colleague, profiles
from bot.cli.context import DEFAULT, AsJson, ConfigPath, Whose, open_case
from bot.cli.decide import pending
from bot.cli.output import CommandError, finish, money, show_csv, show_table
from bot.cli.split import deciders, show_kept, show_shares
from bot.services import Services
from bot.text import N_, _
from config.identifiers import address_or_nothing
from workflows.authorization import Right
from workflows.clients.reading import ClientTrackQueries
from workflows.clients.split import assignment_file
from workflows.clients.split.assignment_file import InvalidAssignmentFile
from workflows.clients.views import ClientLine, ProposalView
from workflows.people import Actor, Successor

HELP = N_(
    """A change makes a new version of the proposal, and asks for approval again. A client moves with all its records.

A colleague who is new to the case can receive clients, if an account can own them. That is checked at once.

A CSV file is used as a whole, or refused with every fault by line. Decide with `handover decide` or in Slack.
"""
)
EXAMPLES = (
    'handover proposal dana@example.com --search "acme"',
    "handover proposal dana@example.com --client party:12 --to bob@example.com",
    'handover proposal dana@example.com --client party:12 --keep "a lawsuit is under way"',
    "handover proposal dana@example.com --upload split.csv",
)
PER_PAGE = 50
ALL_CLIENTS = 1_000_000


def proposal(
    ctx: typer.Context,
    who: Whose,
    search: Annotated[str, typer.Option(metavar="WORDS", help=N_("List only clients that match every word."))] = "",
    page: Annotated[int, typer.Option(min=1, help=N_("Page of the list, with 50 clients each."))] = 1,
    csv: Annotated[
        bool, typer.Option("--csv", help=N_("Print every record as CSV. Use --upload for the edited file."))
    ] = False,
    client: Annotated[
        list[str] | None, typer.Option(metavar="CLIENT", help=N_("A client's id or exact name; repeatable."))
    ] = None,
    all_of: Annotated[
        str, typer.Option(metavar="EMAIL", help=N_("Every client that now goes to this successor."))
    ] = "",
    to: Annotated[str, typer.Option(metavar="EMAIL", help=N_("Assign the clients to this successor."))] = "",
    keep: Annotated[
        str, typer.Option(metavar="REASON", help=N_("Leave the clients with the leaver, for this reason."))
    ] = "",
    upload: Annotated[Path | None, typer.Option(metavar="FILE", help=N_("Assign the clients by a CSV file."))] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Change the pending proposal of a case, and print a page of its clients."""
    refuse_several({"--to": to, "--keep": keep, "--upload": upload})
    if bool(client or all_of) != bool(to or keep):
        raise CommandError(
            _("A change needs clients and a destination."),
            _("Name clients with --client or --all-of. Add --to EMAIL or --keep REASON."),
        )
    with open_case(ctx, config, who) as (services, case):
        proposals = services.proposals
        view = pending(case)
        if csv:
            show_csv(proposals.csv(view.id))
            return
        if upload:
            view = proposals.view(_upload(services, view, upload, author(ctx, services, Right.RECORD)))
        elif to or keep:
            lines = _lines(proposals, view, client or [], all_of.lower())
            by = author(ctx, services, Right.RECORD)
            if keep:
                changed = services.edits.exclude(view.id, view.digest, lines, keep, by)
            else:
                people = _people(services, view, [to.lower()])
                changed = services.edits.assign(view.id, view.digest, dict.fromkeys(lines, to.lower()), by, people)
            view = proposals.view(changed)
        found, total = proposals.client_page(view.id, (page - 1) * PER_PAGE, PER_PAGE, search)
    value = {"proposal": view, "clients": found, "total": total, "page": page}
    finish(value, lambda: _show(view, found, total, page), as_json=as_json)


def _upload(services: Services, view: ProposalView, path: Path, by: Actor) -> str:
    data = content(path)
    try:
        named = assignment_file.addresses(assignment_file.read_valid_rows(data)[0])
        people = _people(services, view, [one for one in named if address_or_nothing(one)])
        return services.edits.upload(view.id, view.digest, data, by, people)
    except InvalidAssignmentFile as invalid:
        raise faulty(invalid.faults) from invalid


def _people(services: Services, view: ProposalView, addresses: Sequence[str]) -> list[Successor]:
    """Return those who are not among the receivers, with the names of their Slack profiles where Slack answers."""
    listed = {one.key for one in services.proposals.successors(view.id)}
    new = [one for one in addresses if one not in listed]
    known, _trouble = profiles(services.settings.slack, new)
    return [colleague(one, known) for one in new]


def _lines(proposals: ClientTrackQueries, view: ProposalView, named: list[str], every: str) -> list[str]:
    """Return the lines of the named clients, and of all that now go to one address. Raises `CommandError`."""
    lines = [_named(proposals, view, one) for one in named]
    lines += proposals.clients_of(view.id, every) if every else ()
    if not lines:
        raise CommandError(_("No client goes to {email} now.").format(email=every))
    return lines


def _named(proposals: ClientTrackQueries, view: ProposalView, text: str) -> str:
    """Return the line of the client with this id or exact name. Raises `CommandError` unless there is just one."""
    found, _total = proposals.client_page(view.id, 0, ALL_CLIENTS, text)
    exact = [one for one in found if text in (one.client_id, one.id)]
    exact = exact or [one for one in found if one.name.casefold() == text.casefold()]
    if len(exact) != 1:
        said = _("No client is called {text!r}.") if not exact else _("{count} clients are called {text!r}.")
        raise CommandError(said.format(text=text, count=len(exact)), _("Use the id instead. --search lists ids."))
    return exact[0].id


def _show(view: ProposalView, found: list[ClientLine], total: int, page: int) -> None:
    show_shares(
        view.shares,
        _("{name}: version {version} ({why}); {approver} decides").format(
            name=view.leaver.name, version=view.version, why=view.why, approver=deciders(view)
        ),
    )
    show_kept(view)
    columns = [_("Client"), _("Id"), _("System"), _("Records"), _("Open deals"), _("Value"), _("Goes to")]
    first = (page - 1) * PER_PAGE
    title = _("Clients {first} to {last} of {total}").format(
        first=first + 1 if found else 0, last=first + len(found), total=total
    )
    show_table(
        columns,
        [
            (
                one.name,
                one.client_id,
                one.system,
                str(one.records),
                str(one.deals),
                money(one.value),
                one.successor.email,
            )
            for one in found
        ],
        title,
    )
