"""`handover doctor`: checks of all that the bot needs, side by side, each fault with its remedy."""

import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import typer

from bot.cli.checks import data, machine, slack, systems
from bot.cli.checks.result import Check, CheckResult
from bot.cli.command_errors import EXIT_FAILURE
from bot.cli.context import read, wiring
from bot.cli.explanations import explain
from bot.cli.options import DEFAULT, AsJson, ConfigPath
from bot.cli.output import say, show_json, show_table
from bot.text import N_, _

HELP = N_(
    """Prints a remedy for each fault. Changes nothing, and may run beside a running bot.

Exits with 1 after a fault.
"""
)
EXAMPLES = ("handover doctor", "handover doctor --json")
SECONDS = 15.0
"""Time limit of all checks together."""


def doctor(ctx: typer.Context, as_json: AsJson = False, config: ConfigPath = DEFAULT) -> None:
    """Run every check, and print the results."""
    settings = read(ctx, config)
    wired = wiring(ctx)
    built = wired.build_systems(settings)
    try:
        checks = [
            *machine.checks(settings),
            data.check(wired, settings),
            *slack.checks(settings.slack),
            *systems.checks(built),
        ]
        results = examine(checks, SECONDS)
    finally:
        built.close()
    faults = [result for result in results if not result.ok]
    if as_json:
        show_json({"ok": not faults, "checks": results})
    else:
        show(results)
    if faults:
        raise typer.Exit(EXIT_FAILURE)


def examine(checks: Sequence[Check], seconds: float) -> list[CheckResult]:
    """Run all checks at once. A check that hangs is a fault, and delays neither the others nor the exit."""
    answers: queue.SimpleQueue[tuple[int, list[CheckResult]]] = queue.SimpleQueue()
    for number, check in enumerate(checks):
        threading.Thread(target=_run, args=(number, check, answers), daemon=True).start()
    end, found = time.monotonic() + seconds, dict[int, list[CheckResult]]()
    while len(found) < len(checks):
        try:
            number, results = answers.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            break
        found[number] = results
    every = [result for number, check in enumerate(checks) for result in found.get(number) or [_late(check, seconds)]]
    return [replace(result, todo="") if result.ok else result for result in every]


def _run(number: int, check: Check, answers: "queue.SimpleQueue[tuple[int, list[CheckResult]]]") -> None:
    try:
        answers.put((number, check.look()))
    except Exception as error:  # noqa: BLE001 - a check that breaks is a fault to show
        stop = explain(error)
        answers.put((number, [CheckResult(check.what, False, stop.said, stop.todo)]))


def _late(check: Check, seconds: float) -> CheckResult:
    return CheckResult(
        check.what,
        False,
        _("no answer within {seconds:g} s").format(seconds=seconds),
        _("Make sure that it is up, and reachable from this machine."),
    )


def show(results: Sequence[CheckResult]) -> None:
    """Print every result as a table, and the number of faults."""
    show_table(
        [_("Check"), "", _("Result"), _("What to do")],
        [(r.what, _("✓ good") if r.ok else _("✗ FAULT"), r.said, r.todo) for r in results],
    )
    faults = sum(not result.ok for result in results)
    say(_("{count} fault(s).").format(count=faults) if faults else _("All good."))
