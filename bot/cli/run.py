"""`handover run`: the bot itself."""

import logging
import signal
import threading

import typer

from bot.cli.ending import Stop
from bot.cli.house import read, wiring
from bot.cli.options import DEFAULT, ConfigPath
from bot.cli.output import warn
from bot.text import _
from workflows.occupancy import Occupied

CHATTY = {"apscheduler": logging.ERROR, "httpx": logging.WARNING}
"""The one notes each run of each tick, fifteen lines a second; the other each request, with whom it asks about."""


def run(ctx: typer.Context, config: ConfigPath = DEFAULT) -> None:
    """Start the bot; it serves until Ctrl-C or SIGTERM and then stops cleanly.

    What is half done at that moment is carried on at the next start. On SQLite one process at a time may run.

    For example:
      handover run --config /etc/handover/handover.toml
    """
    from bot.serve import serve  # noqa: PLC0415 - Slack's and Flask's libraries; no other command waits for them

    settings = read(ctx, config)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_arguments: stop.set())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name, level in CHATTY.items():
        logging.getLogger(name).setLevel(level)
    try:
        with wiring(ctx).assemble(settings, mode="run") as house:
            serve(house.services, settings, stop=stop, ready=_ready)
    except Occupied as error:
        raise Stop(str(error) + ".", _("`handover status` and all other commands work beside it.")) from error
    warn(_("Stopped; open work goes on at the next start."))


def _ready(port: int) -> None:
    warn(_("Handover is running; http://127.0.0.1:{port}/healthz answers. Ctrl-C stops it.").format(port=port))
