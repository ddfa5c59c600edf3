"""The `handover` command."""

import logging
import sys
from io import TextIOWrapper

from bot.cli.app import make_app

CHATTY = {"apscheduler": logging.ERROR, "httpx": logging.WARNING}
"""The one notes each run of each tick and each that is left out, fifteen lines a second; the other each request, with
whom it asks about."""


def main() -> None:
    """Run one command and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that cannot show somebody's name must not stop an offboarding.
            stream.reconfigure(errors="backslashreplace")
    for name, level in CHATTY.items():
        logging.getLogger(name).setLevel(level)
    make_app()(prog_name="handover")


if __name__ == "__main__":
    main()
