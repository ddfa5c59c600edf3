"""The production bot in a process of its own; against `handover run`, only its clock can be set ahead."""

import os
import sys
from pathlib import Path

from bot.serve import serve
from bot.wiring import assemble
from config.settings import load
from connectors import registry
from tests.sandbox.jumping import JumpClock


def main(config: str, clock: str) -> None:
    """Serve until killed. `config` is the configuration file, `clock` the file that a `JumpClock` reads."""
    settings = load(Path(config), os.environ, registry.settings_of)
    with assemble(settings, clock=JumpClock(Path(clock))) as house:
        serve(house.services, settings)


if __name__ == "__main__":
    main(*sys.argv[1:])
