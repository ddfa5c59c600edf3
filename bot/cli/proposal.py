"""`handover proposal`: look through and change how a leaver's clients would be split, from the terminal."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.command_errors import CommandError
from bot.cli.context import actor, open_services
from bot.cli.decide import Whose, waiting
from bot.cli.options import DEFAULT, AsJson, ConfigPath
from bot.cli.output import money, show_json, show_table
from bot.cli.split import content, faulty, show_kept, show_shares
from bot.cli.status import find
from bot.services import Handover
from bot.text import _
from workflows.clients.split.assignment_file import InvalidAssignmentFile
from workflows.clients.views import ClientLine, ProposalView

PER_PAGE = 50
ALL_CLIENTS = 1_000_000
Search = Annotated[str, typer.Option("--search", metavar="WORDS", help="Only clients in which every word is found.")]
Page = Annotated[int, typer.Option("--page", min=1, help=f"Which {PER_PAGE} clients are listed.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print every record as CSV; changed, `--upload` takes it back.")]
Client = Annotated[
    list[str] | None, typer.Option("--client", metavar="CLIENT", help="A client's id or exact name; repeatable.")
]
Every = Annotated[str, typer.Option("--all-of", metavar="EMAIL", help="Every client that now goes to this colleague.")]
To = Annotated[str, typer.Option("--to", metavar="EMAIL", help="Give the clients to this colleague: a new version.")]
Keep = Annotated[str, typer.Option("--keep", metavar="REASON", help="The clients stay with the leaver: a new version.")]
Upload = Annotated[Path | None, typer.Option("--upload", metavar="FILE", help="Change successors by a CSV file.")]


@dataclass(frozen=True)
class _ProposalChange:
    clients: tuple[str, ...]
    every: str
    to: str
    keep: str
    upload: Path | None

    @property
    def changes(self) -> bool:
        return bool(self.to or self.keep or self.upload)


def proposal(
    ctx: typer.Context,
    who: Whose,
    search: Search = "",
    page: Page = 1,
    csv: Csv = False,
    client: Client = None,
    all_of: Every = "",
    to: To = "",
    keep: Keep = "",
    upload: Upload = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show who would get which clients, search in it, and change it before it is decided.

    A change makes a new version, which is asked anew and decided with `handover decide` or in Slack. A client always
    goes whole. A CSV file is taken as a whole or refused with every fault by line.

    For example:
      handover proposal dana@example.com --search "acme"
      handover proposal dana@example.com --client party:12 --to bob@example.com
      handover proposal dana@example.com --client party:12 --keep "a lawsuit is under way"
      handover proposal dana@example.com --upload split.csv
    """
    wish = _ProposalChange(tuple(client or ()), all_of.lower(), to.lower(), keep, upload)
    _refuse(wish)
    with open_services(ctx, config) as services:
        case, handover = find(services.offboarding.find_case(who), who), services.handover
        view = waiting(case)
        if csv:
            typer.echo(handover.csv(view.id), nl=False)
            return
        if wish.changes:
            view = _change(handover, view, wish)
        found, total = handover.client_page(view.id, (page - 1) * PER_PAGE, PER_PAGE, search)
    if as_json:
        show_json({"proposal": view, "clients": found, "total": total, "page": page})
        return
    _show(view, found, total, page)


def _refuse(wish: _ProposalChange) -> None:
    if sum(map(bool, (wish.to, wish.keep, wish.upload))) > 1:
        raise CommandError(_("Only one change at a time."), _("Give --to, --keep or --upload alone."))
    named = bool(wish.clients or wish.every)
    if named != bool(wish.to or wish.keep):
        raise CommandError(
            _("Which clients, and where do they go?"),
            _("Name them by --client or --all-of, with --to EMAIL or --keep REASON."),
        )


def _change(handover: Handover, view: ProposalView, wish: _ProposalChange) -> ProposalView:
    if wish.upload:
        try:
            return handover.upload(view.id, view.digest, content(wish.upload), actor())
        except InvalidAssignmentFile as unfit:
            raise faulty(unfit.faults) from unfit
    lines = [_named(handover, view, one) for one in wish.clients]
    lines += handover.clients_of(view.id, wish.every) if wish.every else ()
    if not lines:
        raise CommandError(_("Nothing goes to {email} now.").format(email=wish.every))
    if wish.keep:
        return handover.exclude(view.id, view.digest, lines, wish.keep, actor())
    return handover.assign(view.id, view.digest, dict.fromkeys(lines, wish.to), actor())


def _named(handover: Handover, view: ProposalView, text: str) -> str:
    """Return a line of the one client with this id, or with exactly this name. Raises `Stop`."""
    found, _total = handover.client_page(view.id, 0, ALL_CLIENTS, text)
    exact = [one for one in found if text in (one.client_id, one.id)]
    exact = exact or [one for one in found if one.name.casefold() == text.casefold()]
    if len(exact) != 1:
        said = _("No client is called {text!r}.") if not exact else _("{count} clients are called {text!r}.")
        raise CommandError(said.format(text=text, count=len(exact)), _("Name it by its id: --search lists them."))
    return exact[0].id


def _show(view: ProposalView, found: list[ClientLine], total: int, page: int) -> None:
    deciding = ", ".join(one.name or one.slack_id for one in view.awaited) or view.approver.name
    show_shares(
        view.shares,
        _("{name}: version {version} ({why}); {approver} decides").format(
            name=view.leaver.name, version=view.version, why=view.why, approver=deciding
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
