"""The `handover` command."""

import sys
from io import TextIOWrapper

from bot.cli.app import make_app


def main() -> None:
    """Run one command and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that cannot show somebody's name must not stop an offboarding.
            stream.reconfigure(errors="backslashreplace")
    make_app()(prog_name="handover")


if __name__ == "__main__":
    main()
