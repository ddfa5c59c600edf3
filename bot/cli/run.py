"""`handover run`: the bot itself."""

import gc
import logging
import os
import signal
import threading
import time
from queue import SimpleQueue

import typer

from bot.cli.context import DEFAULT, ConfigPath, read, wiring
from bot.cli.output import EXIT_FAILURE, CommandError, warn
from bot.log_limit import limit_storage_faults
from bot.log_lines import write_log
from bot.text import N_, _
from workflows.engine.replicas import ProcessLockHeld

HELP = N_("The next start continues unfinished work. On SQLite only one process may run at a time.")
EXAMPLES = ("handover run --config /etc/handover/handover.toml",)
log = logging.getLogger(__name__)
THRESHOLDS = (20_000, 20, 20)
"""Thresholds of garbage collection. Python's own ones take a tenth of an audit of 50,000 leavers."""
END_SECONDS = 25.0
"""Less than our systemd unit waits (`TimeoutStopSec`)."""


def run(ctx: typer.Context, config: ConfigPath = DEFAULT) -> None:
    """Serve until a signal."""
    from bot.slack.serve import serve  # noqa: PLC0415 - loads the libraries of Slack and Flask, for a start alone

    settings = read(ctx, config)
    stop = _told_to_stop()
    write_log(settings.logs.level)
    limit_storage_faults()
    try:
        with wiring(ctx).assemble(settings, mode="run") as application:
            gc.freeze()  # all that was loaded stays
            gc.set_threshold(*THRESHOLDS)
            serve(
                application.services,
                settings,
                stop=stop,
                faults=application.faults,
                ready=lambda ports: _ready(settings.health.host, ports.health),
            )
    except ProcessLockHeld as error:
        raise CommandError(f"{error}.", _("`handover status` and all other commands work beside it.")) from error
    warn(_("Stopped. The next start continues open work."))


def _told_to_stop() -> threading.Event:
    """Return the event that SIGTERM and Ctrl-C set. If the process hangs then, it ends after `END_SECONDS`.

    A signal handler must do next to nothing. It interrupts the main thread, which may hold the event's own lock.
    """
    asked, stop = SimpleQueue[int](), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: asked.put(got))

    def end() -> None:
        asked.get()
        stop.set()
        time.sleep(END_SECONDS)
        log.critical("not ended within %g s; cut off now, unfinished work goes on at the next start", END_SECONDS)
        os._exit(EXIT_FAILURE)

    threading.Thread(target=end, name="end", daemon=True).start()
    return stop


def _ready(host: str, port: int) -> None:
    warn(
        _("Handover is running. Health: http://{address}/healthz. Ctrl-C stops it.").format(
            address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        )
    )
