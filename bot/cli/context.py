"""Access of commands to the services: the configuration, the wiring, the person at the terminal."""

import os
import pwd
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import typer

from bot.cli.command_errors import CommandError
from bot.services import Services
from bot.text import _
from config.settings import Settings, load
from workflows.cases.views import CaseView
from workflows.people import Actor

LOGIN_UID = Path("/proc/self/loginuid")
NO_LOGIN_UID = 2**32 - 1
"""Value that the kernel keeps without a log-in: in a container, in a service."""


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
def open_services_to_work(ctx: typer.Context, settings: Settings) -> Iterator[tuple[Services, bool]]:
    """Open the services with an engine. The second value is True where a running bot does the work instead."""
    from workflows.engine.replicas import ProcessLockHeld  # noqa: PLC0415 - loads the engine, as this function does

    wired = wiring(ctx)
    with ExitStack() as stack:
        try:
            application, bot_runs = stack.enter_context(wired.assemble(settings, mode="run")), False
        except ProcessLockHeld:
            application, bot_runs = stack.enter_context(wired.assemble(settings, mode="visit")), True
        yield application.services, bot_runs


def find_case(services: Services, who: str) -> CaseView:
    """Return a case by its id or its leaver's address. Raises `CommandError` where there is none."""
    case = services.offboarding.find_case(who)
    if case is None:
        raise CommandError(
            _("There is no case for {who!r}.").format(who=who), _("`handover status --all` lists every case.")
        )
    return case


def actor() -> Actor:
    """Return the person at the terminal, for the journal. Through sudo: the person, not root.

    The kernel's log-in id counts first (proc(5), `loginuid`), then sudo's name, then the owner of this process.
    LOGNAME and USER never count, since anybody can set them.
    """
    name = _account(_login_uid()) or os.environ.get("SUDO_USER") or _account(os.getuid()) or str(os.getuid())
    return Actor(f"cli:{name}", name)


def _login_uid() -> int:
    try:
        return int(LOGIN_UID.read_text())
    except (OSError, ValueError):
        return NO_LOGIN_UID


def _account(uid: int) -> str:
    try:
        return "" if uid == NO_LOGIN_UID else pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""
