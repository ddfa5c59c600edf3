"""`handover doctor`: everything that the bot needs, looked at side by side, each fault with what to do."""

import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import typer

from bot.cli.checks import data, machine, slack, systems
from bot.cli.checks.result import Check, CheckResult
from bot.cli.command_errors import EXIT_FAILURE, explain
from bot.cli.context import read, wiring
from bot.cli.options import DEFAULT, AsJson, ConfigPath
from bot.cli.output import say, show_json, show_table
from bot.text import _

SECONDS = 15.0
"""How long all checks together may take."""


def doctor(ctx: typer.Context, as_json: AsJson = False, config: ConfigPath = DEFAULT) -> None:
    """Check systems, Slack, clock, storage, keys and this machine; say what to do about each fault.

    Changes nothing, and may be run beside a running bot. Exits with 1 where a fault was found.

    For example:
      handover doctor --json
    """
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
    """Run all checks at once; one that hangs is a fault, and holds up neither the others nor the exit."""
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
        _("See that it is up and reachable from this machine."),
    )


def show(results: Sequence[CheckResult]) -> None:
    """Print the table, faults first in the last line's count."""
    show_table(
        [_("Check"), "", _("What answered"), _("What to do")],
        [(r.what, _("✓ good") if r.ok else _("✗ FAULT"), r.said, r.todo) for r in results],
    )
    faults = sum(not result.ok for result in results)
    say(_("{count} fault(s).").format(count=faults) if faults else _("All good."))
