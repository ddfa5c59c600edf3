"""Context of commands: shared options, the configuration, the services, waits for work."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.output import EXIT_FAILURE, CommandError
from bot.services import Services
from bot.slack.messages.phrases import GOOD_VERDICTS, verdict
from bot.text import N_, _, punctuated
from config.settings import Settings, load
from workflows.access.views import SystemLine
from workflows.cases.views import CaseView
from workflows.storage.rows.case import Strategy

DEFAULT = Path("/etc/handover/handover.toml")
ConfigPath = Annotated[
    Path, typer.Option("--config", envvar="HANDOVER_CONFIG", help=N_("The configuration file."), show_default=True)
]
Whose = Annotated[str, typer.Argument(metavar="CASE|EMAIL", help=N_("A case's id, or its leaver's address."))]
Email = Annotated[str, typer.Argument(metavar="EMAIL", help=N_("The leaver's address in the company's directory."))]
Successors = Annotated[
    list[str] | None,
    typer.Option("--successor", metavar="EMAIL", help=N_("A colleague who receives clients; repeatable.")),
]
AssignmentFile = Annotated[
    Path | None, typer.Option("--clients", metavar="FILE", help=N_("A CSV file with a successor for each client."))
]
SplitStrategy = Annotated[
    Strategy | None, typer.Option("--strategy", help=N_("How to split clients. Default: as configured."))
]
OnRecord = Annotated[str, typer.Option("--reason", help=N_("The reason. Goes on record, and is shown in the case."))]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=N_("Do not ask for confirmation."))]
AsJson = Annotated[bool, typer.Option("--json", help=N_("Print JSON for programs instead of tables for people."))]
POLL_SECONDS = 0.25
"""Seconds between two reads. A read costs the same for any number of systems."""


def wiring(ctx: typer.Context) -> Any:
    """Return the wiring that builds the services: a test's own, or `bot.wiring`."""
    if ctx.obj is not None:
        return ctx.obj
    from bot import wiring as real  # noqa: PLC0415 - loads every service; some commands need none

    return real


def read(ctx: typer.Context, config: Path) -> Settings:
    """Read the configuration. Raises `SettingsError`."""
    return load(config, os.environ, wiring(ctx).settings_of)


@contextmanager
def open_services(ctx: typer.Context, config: Path) -> Iterator[Services]:
    """Open the rows, beside a running bot or without one. Starts no work."""
    with wiring(ctx).assemble(read(ctx, config), mode="visit") as application:
        yield application.services


@contextmanager
def open_services_to_work(ctx: typer.Context, config: Path) -> Iterator[tuple[Services, bool]]:
    """Open the services with an engine. The second value is True where a running bot does the work instead."""
    from workflows.engine.replicas import ProcessLockHeld  # noqa: PLC0415 - loads the engine, as this function does

    wired, settings = wiring(ctx), read(ctx, config)
    with ExitStack() as stack:
        try:
            application, bot_runs = stack.enter_context(wired.assemble(settings, mode="run")), False
        except ProcessLockHeld:
            application, bot_runs = stack.enter_context(wired.assemble(settings, mode="visit")), True
        yield application.services, bot_runs


@contextmanager
def open_case(ctx: typer.Context, config: Path, who: str) -> Iterator[tuple[Services, CaseView]]:
    """Open the rows with one case, by its id or its leaver's address. Raises `CommandError` where there is none."""
    with open_services(ctx, config) as services:
        yield services, find_case(services, who)


def find_case(services: Services, who: str) -> CaseView:
    """Return a case by its id or its leaver's address. Raises `CommandError` where there is none."""
    case = services.offboarding.find_case(who)
    if case is None:
        raise CommandError(
            _("There is no case for {who!r}.").format(who=who),
            _("`handover status --all` lists every case."),
            name="unknown_case",
        )
    return case


def require_yes(question: str, yes: bool) -> None:
    """Ask unless `yes`. Return after a yes. Raises `CommandError` after a no, and where no person can be asked."""
    try:
        agreed = yes or typer.confirm(question, err=True)
    except typer.Abort:
        raise CommandError(
            _("Nobody confirmed, so nothing was done."), _("Add --yes where nobody can be asked.")
        ) from None
    if not agreed:
        raise CommandError(_("Nothing was done."), code=EXIT_FAILURE)


def poll(look: Callable[[], CaseView], done: Callable[[CaseView], bool], seconds: float) -> CaseView:
    """Read a case until `done` or until the time is over, and return the last reading."""
    end = time.monotonic() + seconds
    case = look()
    while not done(case) and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
        case = look()
    return case


def wait_for_verdicts(look: Callable[[], CaseView], seconds: float, tell: Callable[[str], None]) -> CaseView:
    """Read a case until every system is settled. Tell each verdict once, and again when it changes."""
    told: dict[str, str] = {}

    def all_settled(case: CaseView) -> bool:
        for line in case.systems:
            if settled(line) and told.get(line.system) != line.verdict:
                told[line.system] = line.verdict
                said = punctuated("{title}: {verdict}") + (punctuated(" ({reason})") if line.reason else "")
                tell(said.format(title=line.title, verdict=verdict(line.verdict), reason=line.reason))
        return bool(case.systems) and all(settled(line) for line in case.systems)

    case = poll(look, all_settled, seconds)
    if not all_settled(case):
        tell(_("Not every system is settled after {seconds:g} seconds. The case stays open.").format(seconds=seconds))
    return case


def settled(line: SystemLine) -> bool:
    """Return whether to stop waiting for a system: a good verdict, a postponed try, or a manual step. Pure."""
    if line.step or line.verdict in GOOD_VERDICTS:
        return True
    return line.next_try_at is not None or (line.attempt > 0 and not line.working)
