"""How a command reaches the services: the configuration read, the house put together, or a clear sentence why not."""

import os
import pwd
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel

from bot.services import Services
from config.settings import Kinds, Settings, load
from workflows.engine.replicas import ProcessLockHeld
from workflows.people import Actor

LOGIN_UID = Path("/proc/self/loginuid")
NO_LOGIN_UID = 2**32 - 1
"""What the kernel writes where nobody has logged in: a container, a service."""


def wiring(ctx: typer.Context) -> Any:
    """Return what builds the house: a test's own, or `bot.wiring`."""
    if ctx.obj is not None:
        return ctx.obj
    from bot import wiring as real  # noqa: PLC0415 - loads every connector; `handover --help` answers without

    return real


def kinds(wired: Any) -> Kinds:
    """Give a kind's settings class, as `config.settings.load` asks for it."""
    known: dict[str, type[BaseModel]] = {manifest.kind: manifest.settings for manifest in wired.manifests()}

    def settings_of(kind: str) -> type[BaseModel]:
        if kind not in known:
            raise LookupError(f"{kind!r} is not a known kind of system; known: {', '.join(sorted(known))}")
        return known[kind]

    return settings_of


def read(ctx: typer.Context, config: Path) -> Settings:
    """Read the configuration. Raises `SettingsError`."""
    return load(config, os.environ, kinds(wiring(ctx)))


@contextmanager
def open_services(ctx: typer.Context, config: Path) -> Iterator[Services]:
    """Open the rows beside a running bot, or without one; starts no work."""
    with wiring(ctx).assemble(read(ctx, config), mode="visit") as house:
        yield house.services


def actor() -> Actor:
    """Return who sits at the terminal, for the journal; through sudo, the person and not root.

    Whom they logged in as, which the kernel keeps (proc(5), `loginuid`); where it does not, whom sudo names, or whose
    process this is. Never LOGNAME or USER, in which anybody writes what they like.
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


@contextmanager
def open_services_to_work(ctx: typer.Context, settings: Settings) -> Iterator[tuple[Services, bool]]:
    """Open the house to get work done: beside a running bot, which does it (True), or else by this very process."""
    wired = wiring(ctx)
    with ExitStack() as stack:
        try:
            house, beside = stack.enter_context(wired.assemble(settings, mode="run")), False
        except ProcessLockHeld:
            house, beside = stack.enter_context(wired.assemble(settings, mode="visit")), True
        yield house.services, beside
