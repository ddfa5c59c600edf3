"""`handover run`: the bot itself."""

import signal
from types import FrameType

import typer

from bot.cli.house import read, wiring
from bot.cli.options import DEFAULT, ConfigPath
from bot.cli.output import warn
from bot.text import _


class Stopped(SystemExit):
    """SIGTERM arrived: leave through every `finally`, with code 0."""


def run(ctx: typer.Context, config: ConfigPath = DEFAULT) -> None:
    """Start the bot; it serves until Ctrl-C or SIGTERM and then stops cleanly.

    What is half done at that moment is carried on at the next start. On SQLite one process at a time may run.

    Example: handover run --config /etc/handover/handover.toml
    """
    settings = read(ctx, config)
    signal.signal(signal.SIGTERM, _stop)
    from bot.serve import serve  # noqa: PLC0415 - Slack's libraries; no other command waits for them
    try:
        with wiring(ctx).assemble(settings, mode="run") as house:
            serve(house.services, settings)
    except (KeyboardInterrupt, Stopped):
        warn(_("Stopped; open work goes on at the next start."))


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped(0)
