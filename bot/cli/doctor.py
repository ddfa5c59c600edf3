"""`handover doctor`: checks of all that the bot needs, side by side, each fault with its remedy."""

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Annotated

import typer

from bot.cli.actor import author
from bot.cli.checks import Check, CheckResult, machine, roles, slack, systems
from bot.cli.context import DEFAULT, AsJson, ConfigPath, open_services, read, wiring
from bot.cli.explanations import explain
from bot.cli.output import finish, say, show_table
from bot.text import N_, _
from workflows.authorization import Right

HELP = N_(
    """Prints a remedy for each fault. Changes nothing without an option, and may run beside a running bot.

Exits with 1 after a fault.
"""
)
EXAMPLES = ("handover doctor", "handover doctor --json", "handover doctor --accept-clock")
SECONDS = 15.0
"""Time limit of all checks together."""


def doctor(
    ctx: typer.Context,
    accept_clock: Annotated[
        bool,
        typer.Option("--accept-clock", help=N_("State that the clock is right, though the journal has later times.")),
    ] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Run every check, and print the results."""
    settings = read(ctx, config)
    if accept_clock:
        with open_services(ctx, config) as services:
            services.clock_record.accept(author(ctx, services, Right.ACCEPT_CLOCK))
    wired = wiring(ctx)
    with closing(wired.build_systems(settings)) as built:
        checks = [
            *machine.checks(settings),
            machine.stored_data(wired, settings),
            *slack.checks(settings.slack),
            *roles.checks(settings.slack, settings.roles),
            *systems.checks(built),
            *systems.kinds(wired.outside_kinds()),
        ]
        results = examine(checks, SECONDS)
    good = all(result.ok for result in results)
    finish({"ok": good, "checks": results}, lambda: _show(results), as_json=as_json, good=good)


def examine(checks: Sequence[Check], seconds: float) -> list[CheckResult]:
    """Run all checks at once. A check that hangs is a fault, and delays neither the others nor the exit."""
    found: dict[Check, list[CheckResult]] = {}
    threads = [threading.Thread(target=_run, args=(check, found), daemon=True) for check in checks]
    end = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    every = [result for check in checks for result in found.get(check) or [_late(check, seconds)]]
    return [replace(result, todo="") if result.ok and not result.unseen else result for result in every]


def _run(check: Check, found: dict[Check, list[CheckResult]]) -> None:
    try:
        found[check] = check.look()
    except Exception as error:  # noqa: BLE001 - a check that breaks is a fault to show
        stop = explain(error)
        found[check] = [CheckResult(check.what, False, stop.said, stop.todo)]


def _late(check: Check, seconds: float) -> CheckResult:
    return CheckResult(
        check.what,
        False,
        _("no answer within {seconds:g} s").format(seconds=seconds),
        _("Make sure that it is up, and reachable from this machine."),
    )


def _show(results: Sequence[CheckResult]) -> None:
    show_table([_("Check"), "", _("Result"), _("What to do")], [(r.what, _mark(r), r.said, r.todo) for r in results])
    faults = sum(not result.ok for result in results)
    unseen = sum(result.unseen for result in results)
    if faults:
        say(_("{count} fault(s).").format(count=faults))
    elif unseen:
        say(_("No fault; {count} thing(s) cannot be seen, see above.").format(count=unseen))
    else:
        say(_("All good."))


def _mark(result: CheckResult) -> str:
    if result.unseen:
        return _("⚠ NOT SEEN")
    return _("✓ good") if result.ok else _("✗ FAULT")
