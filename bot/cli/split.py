"""What a split would be, before anybody is asked: for `plan` and `offboard`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.command_errors import EXIT_FAILURE, CommandError
from bot.cli.output import money, say, show_table
from bot.text import _
from workflows.clients.split import assignment_file
from workflows.clients.split.assignment_file import MOST_BYTES, InvalidAssignmentFile
from workflows.clients.views import LineFault, Preview, ProposalView, Share

Csv = Annotated[
    Path | None, typer.Option("--clients", metavar="FILE", help="A CSV file that names who gets which client.")
]


def content(path: Path | None) -> bytes:
    """Read a file, never more than can be taken. Raises `Stop`."""
    if path is None:
        return b""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise CommandError(_("{path} cannot be read: {why}").format(path=path, why=error.strerror)) from error


def named(data: bytes) -> tuple[str, ...]:
    """Return everybody whom a file names. Raises `Stop` where no line is good; a preview tells all faults."""
    try:
        return assignment_file.addresses(assignment_file.read_valid_rows(data)[0]) if data else ()
    except InvalidAssignmentFile as unfit:
        raise faulty(unfit.faults) from unfit


def faulty(faults: Sequence[LineFault]) -> CommandError:
    """Return the end of a command whose file has faults: all of them, by line."""
    lines = [_("line {line:,}").format(line=one.line) + f": {one.what}" if one.line else one.what for one in faults]
    return CommandError(
        _("The file has faults, so nothing of it was taken:") + "\n" + "\n".join(lines), code=EXIT_FAILURE
    )


def show(seen: Preview) -> None:
    """Print a preview. Raises `Stop` where the file has faults."""
    if seen.faults:
        raise faulty(seen.faults)
    title = _("Clients: {families} with {records} records would go to").format(
        families=seen.families, records=seen.records
    )
    show_shares(seen.shares, title)
    if seen.staying:
        say(_("{count} records stay: the system lets nobody change their owner.").format(count=seen.staying))
    for note in seen.notes:
        say(note)
    for why in seen.problems:
        say(_("NOT READ, so not in these figures: {why}").format(why=why))


def show_kept(view: ProposalView) -> None:
    """Print what stays with the leaver by a person's wish, and why."""
    said = _("{clients} clients ({records} records) stay with {name}: {reason} (decided by {by})")
    for one in view.kept:
        say(said.format(clients=one.clients, records=one.records, name=view.leaver.name, reason=one.reason, by=one.by))


def show_shares(shares: Sequence[Share], title: str) -> None:
    """Print who gets how much."""
    columns = [_("Successor"), _("Clients"), _("Records"), _("Open deals"), _("Value")]
    show_table(
        columns,
        [
            (
                f"{share.successor.name}\n{share.successor.email}",
                str(share.families),
                str(share.records),
                str(share.deals),
                money(share.value),
            )
            for share in shares
        ],
        title,
    )
