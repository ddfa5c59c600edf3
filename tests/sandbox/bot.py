"""The production bot in a process of its own; against `handover run`, only its clock can be set ahead."""

import logging
import os
import sys
from datetime import timedelta
from pathlib import Path

from bot.slack.serve import Ports, serve
from bot.wiring import assemble
from config.settings import load
from connectors import registry
from tests.sandbox.jumping import JumpClock


def main(config: str, clock: str, dead_after: str = "") -> None:
    """Serve until killed. `config` is the configuration file, `clock` the file that a `JumpClock` reads.

    `dead_after`: seconds of silence after which the other replicas take over, where a test cannot wait for 30.
    """
    settings = load(Path(config), os.environ, registry.settings_of)
    limit = timedelta(seconds=float(dead_after)) if dead_after else None
    logging.basicConfig(level=logging.WARNING)
    with assemble(settings, clock=JumpClock(Path(clock)), dead_after=limit) as house:
        serve(house.services, settings, ready=_ready)


def _ready(_ports: Ports) -> None:
    """Write one line in one call: two bots share the log, and `print` may write the line's end separately."""
    os.write(sys.stdout.fileno(), f"ready {os.getpid()}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
