"""How a command reaches the services: the configuration read, the house put together, or a clear sentence why not."""

import getpass
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel

from bot.services import Services
from config.settings import Kinds, Settings, load
from workflows.occupancy import Occupied
from workflows.views import Actor


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
def visit(ctx: typer.Context, config: Path) -> Iterator[Services]:
    """Open the rows beside a running bot, or without one; starts no work."""
    with wiring(ctx).assemble(read(ctx, config), mode="visit") as house:
        yield house.services


def actor() -> Actor:
    """Return who sits at the terminal, for the journal; through sudo, the person and not root."""
    name = os.environ.get("SUDO_USER") or getpass.getuser()
    return Actor(f"cli:{name}", name)


@contextmanager
def work(ctx: typer.Context, settings: Settings) -> Iterator[tuple[Services, bool]]:
    """Open the house to get work done: beside a running bot, which does it (True), or else by this very process."""
    wired = wiring(ctx)
    with ExitStack() as stack:
        try:
            house, beside = stack.enter_context(wired.assemble(settings, mode="run")), False
        except Occupied:
            house, beside = stack.enter_context(wired.assemble(settings, mode="visit")), True
        yield house.services, beside
