"""`handover run`: the bot itself."""

import logging
import os
import signal
import threading
import time
from queue import SimpleQueue

import typer

from bot.cli.command_errors import EXIT_FAILURE, CommandError
from bot.cli.context import read, wiring
from bot.cli.options import DEFAULT, ConfigPath
from bot.cli.output import warn
from bot.text import _
from workflows.engine.replicas import ProcessLockHeld

log = logging.getLogger(__name__)
END_SECONDS = 25.0
"""Less than our systemd unit waits (`TimeoutStopSec`)."""


def run(ctx: typer.Context, config: ConfigPath = DEFAULT) -> None:
    """Start the bot; it serves until Ctrl-C or SIGTERM and then stops cleanly.

    What is half done at that moment is carried on at the next start. On SQLite one process at a time may run.

    For example:
      handover run --config /etc/handover/handover.toml
    """
    from bot.slack.serve import serve  # noqa: PLC0415 - Slack's and Flask's libraries; no other command waits for them

    settings = read(ctx, config)
    stop = _told_to_stop()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        with wiring(ctx).assemble(settings, mode="run") as house:
            serve(house.services, settings, stop=stop, ready=_ready)
    except ProcessLockHeld as error:
        raise CommandError(str(error) + ".", _("`handover status` and all other commands work beside it.")) from error
    warn(_("Stopped; open work goes on at the next start."))


def _told_to_stop() -> threading.Event:
    """Return what SIGTERM and Ctrl-C set; whatever hangs then, the process ends in time.

    A signal's handler may do next to nothing: it runs in the middle of whatever the main thread does, which may hold
    the event's own lock, for one.
    """
    asked, stop = SimpleQueue[int](), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: asked.put(got))

    def end() -> None:
        asked.get()
        stop.set()
        time.sleep(END_SECONDS)
        log.critical("not ended within %g s; cut off now, what is half done goes on at the next start", END_SECONDS)
        os._exit(EXIT_FAILURE)

    threading.Thread(target=end, name="end", daemon=True).start()
    return stop


def _ready(port: int) -> None:
    warn(_("Handover is running; http://127.0.0.1:{port}/healthz answers. Ctrl-C stops it.").format(port=port))
