"""`handover confirm`: put on record what was done by hand, for the day Slack is down."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.command_errors import EXIT_USAGE, CommandError
from bot.cli.context import actor, open_services
from bot.cli.options import DEFAULT, AsJson, ConfigPath
from bot.cli.output import say, show_json
from bot.cli.status import find
from bot.text import _
from workflows.access.manual_steps import Proof
from workflows.access.views import StepView
from workflows.cases.views import CaseView

MOST_BYTES = 50 * 1024 * 1024
Whose = Annotated[str, typer.Argument(metavar="CASE|EMAIL", help="A case's id or its leaver's address.")]
System = Annotated[str, typer.Argument(metavar="SYSTEM", help="The system's name in the configuration.")]
Note = Annotated[str, typer.Option("--note", help="What was done, or why not; goes on record.")]
ProofFile = Annotated[
    Path | None, typer.Option("--proof", metavar="FILE", help="A file that shows it; its SHA-256 goes on record.")
]
Cannot = Annotated[bool, typer.Option("--cannot", help="It cannot be done: somebody else is asked at once.")]
TakeBack = Annotated[bool, typer.Option("--take-back", help="Take a confirmation back: it counts no more.")]


def confirm(
    ctx: typer.Context,
    who: Whose,
    system: System,
    note: Note,
    proof: ProofFile = None,
    cannot: Cannot = False,
    take_back: TakeBack = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Confirm what was done by hand in a system without an API, with a note and, where asked for, a file.

    On record as said at the command line, by whom. It is shown as a person's word, never as read back.

    For example:
      handover confirm dana@example.com badge --note "badge 117 collected, keys returned"
      handover confirm HO-260302-a1b2c3 badge --note "receipt signed" --proof receipt.pdf
      handover confirm dana@example.com badge --note "wrong badge" --take-back
    """
    if (cannot and take_back) or (proof and (cannot or take_back)):
        raise CommandError(_("--cannot, --take-back and --proof do not go together."), code=EXIT_USAGE)
    handed_in = _read(proof) if proof else None
    with open_services(ctx, config) as services:
        step = _step(find(services.offboarding.find_case(who), who), system)
        if cannot:
            step = services.manual.cannot(step.id, actor(), note)
        elif take_back:
            step = services.manual.retract(step.id, actor(), note)
        else:
            step = services.manual.confirm(step.id, actor(), note, handed_in)
    if as_json:
        show_json(step)
    else:
        say(_outcome(step))


def _outcome(step: StepView) -> str:
    facts = {"title": step.title, "name": step.leaver.name}
    if step.confirmed and not step.waiting:
        return _("{title} of {name} is on record as confirmed by you; nothing was read back.").format(**facts)
    return _("{title} of {name} is open, and asked for again.").format(**facts)


def _step(case: CaseView, system: str) -> StepView:
    found = next((step for step in case.steps if step.system == system), None)
    if found is None:
        names = ", ".join(step.system for step in case.steps) or _("none")
        raise CommandError(
            _("{system!r} is not done by hand in case {case}.").format(system=system, case=case.id),
            _("Done by hand there: {names}.").format(names=names),
            code=EXIT_USAGE,
        )
    return found


def _read(path: Path) -> Proof:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CommandError(_("{path} is larger than 50 MB.").format(path=path), code=EXIT_USAGE)
        return Proof(path.name, path.read_bytes())
    except OSError as error:
        raise CommandError(
            _("{path} cannot be read: {why}.").format(path=path, why=error.strerror), code=EXIT_USAGE
        ) from error
