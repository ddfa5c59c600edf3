"""`handover record`: a redacted recording of one system's answers, to compare a simulator with it."""

from contextlib import closing
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated

import typer

from bot.cli.context import DEFAULT, ConfigPath, read, wiring
from bot.cli.output import EXIT_FAILURE, CommandError, say, show_table
from bot.text import N_, _, listed, ngettext
from connectors.contract import AccountId, Person
from workflows.ports import SystemClock
from workflows.systems.recording import RecordedCall, calls
from workflows.systems.recording import record as carry_out
from workflows.systems.registry import System

HELP = N_(
    """Sends the read-only calls alone, and refuses everything that would change something.

The file has the form of each answer, and no name, address or id. Give it to who writes the simulator.
"""
)
EXAMPLES = ("handover record crm --dry-run", "handover record crm --person test.account@example.com --out crm.jsonl")


def record(
    ctx: typer.Context,
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help=N_("The system's name in the configuration."))],
    person: Annotated[
        str, typer.Option("--person", metavar="ADDRESS", help=N_("A person to look up. Default: the first account."))
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help=N_("The file to write. Default: SYSTEM.jsonl."))
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=N_("List the calls, and send none."))] = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Record the answers of one system in a redacted form."""
    settings = read(ctx, config)
    with closing(wiring(ctx).build_systems(settings)) as systems:
        if system not in systems:
            raise CommandError(
                _("There is no system {name!r} in the configuration.").format(name=system),
                _("Known: {systems}.").format(systems=listed(systems)),
            )
        one = systems[system]
        if dry_run:
            say(*(["check", "find", "find nobody", "everyone", *(name for name, _call in _planned(one))]))
            return
        file = out or Path(f"{system}.jsonl")
        done = _write(ctx, one, person, file)
    show_table([_("Call"), _("Result")], [(call.name, call.error or _("recorded")) for call in done])
    said = ngettext("{count} call is in {path}.", "{count} calls are in {path}.", len(done))
    say(said.format(count=len(done), path=file))
    if done[0].error:
        raise typer.Exit(EXIT_FAILURE)


def _planned(system: System) -> list[tuple[str, object]]:
    return [*calls(system, AccountId(""), SystemClock())]


def _write(ctx: typer.Context, system: System, person: str, file: Path) -> list[RecordedCall]:
    """Write the recording whole or not at all. Raises `CommandError`."""
    if file.exists():
        raise CommandError(
            _("{path} exists already, and was left as it is.").format(path=file), _("Choose another file with --out.")
        )
    try:
        with NamedTemporaryFile("w", encoding="ascii", dir=file.parent, prefix=f".{file.name}.", delete=False) as new:
            whom = Person("", (person,) if person else ())
            done = [*carry_out(system, whom, wiring(ctx).recording(system, new), SystemClock())]
        Path(new.name).replace(file)
    except OSError as error:
        raise CommandError(_("{path} cannot be written: {why}.").format(path=file, why=error.strerror)) from error
    return done
