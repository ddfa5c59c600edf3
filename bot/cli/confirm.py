"""`handover confirm`: the record of a manual step, also while Slack is down."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.command_errors import CommandError
from bot.cli.context import actor, find_case, open_services
from bot.cli.options import DEFAULT, AsJson, ConfigPath, Whose
from bot.cli.output import say, show_json
from bot.text import N_, _
from workflows.access.manual_steps import Proof
from workflows.access.views import StepView
from workflows.cases.views import CaseView

HELP = N_(
    """The note goes on record, with your name and with the file where the system requires one.

It is shown as a person's word, never as read back.
"""
)
EXAMPLES = (
    'handover confirm dana@example.com badge --note "badge 117 collected, keys returned"',
    'handover confirm HO-260302-a1b2c3 badge --note "receipt signed" --proof receipt.pdf',
    'handover confirm dana@example.com badge --note "wrong badge" --take-back',
)
MOST_BYTES = 50 * 1024 * 1024
System = Annotated[str, typer.Argument(metavar="SYSTEM", help=N_("The system's name in the configuration."))]
Note = Annotated[str, typer.Option("--note", help=N_("What was done, or why it cannot be done. Goes on record."))]
ProofFile = Annotated[
    Path | None, typer.Option("--proof", metavar="FILE", help=N_("A file as evidence. Its SHA-256 goes on record."))
]
Cannot = Annotated[
    bool, typer.Option("--cannot", help=N_("The step cannot be done. The next person is asked at once."))
]
TakeBack = Annotated[bool, typer.Option("--take-back", help=N_("Withdraw a confirmation."))]


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
    """Record that a manual step is done, cannot be done, or was confirmed in error."""
    if cannot + take_back + (proof is not None) > 1:
        raise CommandError(_("Choose one of --cannot, --take-back, --proof."))
    evidence = _read(proof) if proof else None
    with open_services(ctx, config) as services:
        step = _step(find_case(services, who), system)
        if cannot:
            step = services.manual.cannot(step.id, actor(), note)
        elif take_back:
            step = services.manual.retract(step.id, actor(), note)
        else:
            step = services.manual.confirm(step.id, actor(), note, evidence)
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
            _("{system!r} is no manual step of case {case}.").format(system=system, case=case.id),
            _("Manual steps there: {names}.").format(names=names),
        )
    return found


def _read(path: Path) -> Proof:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CommandError(_("{path} is larger than 50 MB.").format(path=path))
        return Proof(path.name, path.read_bytes())
    except OSError as error:
        raise CommandError(_("{path} cannot be read: {why}.").format(path=path, why=error.strerror)) from error
