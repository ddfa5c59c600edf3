"""The production bot in a process of its own; against `handover run`, only its clock can be set ahead."""

import logging
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

from bot.log_limit import limit_storage_faults
from bot.slack.serve import Ports, serve
from bot.wiring import assemble
from config.settings import load
from connectors import registry
from tests.sandbox.jumping import JumpClock
from workflows.ports import SystemClock


def main(config: str, clock: str, dead_after: str = "", wrong: str = "0") -> None:
    """Serve until killed. `config` is the configuration file, `clock` the file that a `JumpClock` reads.

    `dead_after`: seconds of silence after which the other replicas take over, where a test cannot wait for 30.
    `wrong`: seconds by which this machine's clock is wrong.
    """
    settings = load(Path(config), os.environ, registry.settings_of)
    limit = timedelta(seconds=float(dead_after)) if dead_after else None
    logging.basicConfig(level=logging.WARNING)
    limit_storage_faults()
    machine = _WrongClock(timedelta(seconds=float(wrong)))
    with assemble(settings, adjust=JumpClock(Path(clock)).over, machine=machine, dead_after=limit) as house:
        serve(house.services, settings, ready=_ready, faults=house.faults)


class _WrongClock(SystemClock):
    """Clock of a machine that nobody keeps in order."""

    def __init__(self, wrong: timedelta) -> None:
        self._wrong = wrong

    def now(self) -> datetime:
        return super().now() + self._wrong


def _ready(_ports: Ports) -> None:
    """Write one line in one call: two bots share the log, and `print` may write the line's end separately."""
    os.write(sys.stdout.fileno(), f"ready {os.getpid()}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
