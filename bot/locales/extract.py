"""Extraction of messages by Babel: `./dev messages` writes the template, `./dev check` sees that it is up to date.

`pybabel extract` reads the calls of `_`, `N_` and their kin.
"""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from babel.messages.frontend import CommandLineInterface

ROOT = Path(__file__).parents[2]
LOCALES = Path(__file__).parent
TEMPLATE = LOCALES / "handover.pot"
ROOMS = ("bot", "config", "connectors", "workflows")
KEYWORDS = ("_", "N_", "gettext_lazy", "ngettext:1,2", "ngettext_lazy:1,2")
OPTIONS = (
    *("--mapping", "babel.cfg", "--no-default-keywords", *(f"--keyword={word}" for word in KEYWORDS)),
    # Places have no lines and the header no date: neither may change the template where no message did.
    *("--add-location=file", "--omit-header", "--sort-output", "--width=120"),
)


def extract(template: Path) -> None:
    """Write every message of the program to a template."""
    here = Path.cwd()
    os.chdir(ROOT)  # Babel writes places as they are seen from where it runs
    try:
        CommandLineInterface().run(["pybabel", "-q", "extract", *OPTIONS, "-o", str(template), *ROOMS])  # type: ignore[no-untyped-call]
    finally:
        os.chdir(here)


def is_current(template: Path = TEMPLATE) -> bool:
    """Return whether the template has every message of the program, and none besides."""
    with TemporaryDirectory() as folder:
        fresh = Path(folder, template.name)
        extract(fresh)
        return fresh.read_bytes() == template.read_bytes()


def main(arguments: list[str]) -> int:
    """Write the template; with `--check` only compare."""
    if "--check" not in arguments:
        extract(TEMPLATE)
    elif not is_current():
        sys.stderr.write(f"{TEMPLATE.relative_to(ROOT)} is out of date: run ./dev messages\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
