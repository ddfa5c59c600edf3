"""`handover confirm`: the record of a manual step, also while Slack is down."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.actor import author
from bot.cli.arguments import refuse_several
from bot.cli.context import DEFAULT, AsJson, ConfigPath, Whose, open_case
from bot.cli.output import CommandError, finish, say
from bot.text import N_, _, listed
from workflows.access.manual_steps import Proof
from workflows.access.views import StepView
from workflows.authorization import Right
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


def confirm(
    ctx: typer.Context,
    who: Whose,
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help=N_("The system's name in the configuration."))],
    note: Annotated[str, typer.Option(help=N_("What was done, or why it cannot be done. Goes on record."))],
    proof: Annotated[
        Path | None, typer.Option(metavar="FILE", help=N_("A file as evidence. Its SHA-256 goes on record."))
    ] = None,
    cannot: Annotated[
        bool, typer.Option("--cannot", help=N_("The step cannot be done. The next person is asked at once."))
    ] = False,
    take_back: Annotated[bool, typer.Option("--take-back", help=N_("Withdraw a confirmation."))] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Record that a manual step is done, cannot be done, or was confirmed in error."""
    refuse_several({"--cannot": cannot, "--take-back": take_back, "--proof": proof})
    evidence = _read(proof) if proof else None
    with open_case(ctx, config, who) as (services, case):
        step = _step(case, system)
        by = author(ctx, services, Right.CONFIRM, step.assignee)
        if cannot:
            step = services.manual.cannot(step.id, by, note)
        elif take_back:
            step = services.manual.retract(step.id, by, note)
        else:
            step = services.manual.confirm(step.id, by, note, evidence)
    finish(step, lambda: say(_outcome(step)), as_json=as_json)


def _outcome(step: StepView) -> str:
    facts = {"title": step.title, "name": step.leaver.name}
    if step.confirmed and not step.waiting:
        return _("{title} of {name} is on record as confirmed by you; nothing was read back.").format(**facts)
    return _("{title} of {name} is open, and asked for again.").format(**facts)


def _step(case: CaseView, system: str) -> StepView:
    found = next((step for step in case.steps if step.system == system), None)
    if found is None:
        names = listed(step.system for step in case.steps) or _("none")
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
