"""The `handover` command."""

import gc
import logging
import os
import sys
from io import TextIOWrapper

from bot.cli.app import make_app
from config.languages import terminal_language
from config.text import speak

NOISY = {"apscheduler": logging.ERROR, "httpx": logging.WARNING}
"""Lowest level of loggers. One notes each run of each tick; the other each request, with the person it asks about."""
THRESHOLD = 400_000
"""New objects between two garbage collections.

A command makes 140,000 objects while it loads, and nearly all of them stay. At Python's own threshold, collections
among them take a tenth of the processor time. `handover run` sets lower ones.
"""


def main() -> None:
    """Run one command and exit with its code."""
    gc.set_threshold(THRESHOLD)
    os.umask(0o077)  # databases, reports, CSV files and keys are for their owner alone
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that cannot show somebody's name must not stop an offboarding.
            stream.reconfigure(errors="backslashreplace")
    for name, level in NOISY.items():
        logging.getLogger(name).setLevel(level)
    speak(terminal_language(os.environ))
    make_app()(prog_name="handover")


if __name__ == "__main__":
    main()
