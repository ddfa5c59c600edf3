"""Extraction of messages by Babel: `./dev messages` writes the template, `./dev check` sees that it is up to date.

`pybabel extract` reads the calls of `_`, `N_` and their kin, as `babel.cfg` says. A command's help is the docstring of
its function, which no call marks: `commands` is the extractor for those.
"""

import ast
import inspect
import io
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from babel.messages.extract import extract_python
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


def commands(
    source: io.BytesIO, keywords: Mapping[str, Any], comment_tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[tuple[int, str, Any, list[str]]]:
    """Yield what Babel finds in a module of commands, and the help of each command. Called by Babel."""
    text = source.read()
    yield from extract_python(io.BytesIO(text), keywords, comment_tags, options)  # type: ignore[arg-type, misc]
    for function in ast.parse(text).body:
        if isinstance(function, ast.FunctionDef) and (words := _help(function)):
            yield function.lineno, "_", words, []


def _help(function: ast.FunctionDef) -> str:
    """Return what `--help` says of a command; empty for a function that is none."""
    arguments = function.args.args
    is_command = bool(arguments) and arguments[0].arg == "ctx" and not function.name.startswith("_")
    return inspect.cleandoc(ast.get_docstring(function, clean=False) or "") if is_command else ""


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
