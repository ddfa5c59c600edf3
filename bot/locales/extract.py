"""Extraction of messages by Babel: `./dev messages` writes the template and brings every catalogue up to it.

`pybabel extract` reads the calls of `_`, `N_` and their kin. A catalogue keeps its translations, gets new messages
without one, and loses messages that the program has no longer. No message takes the translation of a similar one.
`./dev check` sees that all files are up to date.
"""

import os
import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from babel.messages.catalog import Catalog
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po, write_po

from bot.locales.limits import LIMITS
from config.languages import LANGUAGES, SOURCE, catalogue_path, reviewer

ROOT = Path(__file__).parents[2]
LOCALES = Path(__file__).parent
TEMPLATE = LOCALES / "handover.pot"
ROOMS = ("bot", "config", "connectors", "workflows")
KEYWORDS = ("_", "N_", "gettext_lazy", "ngettext:1,2", "ngettext_lazy:1,2")
TRANSLATED = tuple(language for language in LANGUAGES if language != SOURCE)
HEADER = """# {name}. Translators: terms are in bot/locales/terms.md, the rules in docs/how-to/add-a-language.md.
msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: {forms}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"X-Reviewed-By: {reviewer}\\n"

"""
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


def read(path: Path, language: str | None = None) -> Catalog:
    """Return a template or catalogue; an empty one if there is no such file."""
    if not path.is_file():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def updated(language: str, template: Path = TEMPLATE) -> bytes:
    """Return a language's catalogue with exactly the messages of the template, and its translations of them."""
    catalogue = read(catalogue_path(language), language)
    catalogue.update(read(template), no_fuzzy_matching=True)
    for message in catalogue:
        if message.id in LIMITS:
            message.auto_comments = [f"At most {LIMITS[str(message.id)]} characters."]
    made = BytesIO()
    write_po(made, catalogue, width=120, omit_header=True, sort_output=True, ignore_obsolete=True, include_lineno=False)
    header = HEADER.format(
        name=LANGUAGES[language], language=language, forms=catalogue.plural_forms, reviewer=reviewer(language)
    )
    return header.encode() + made.getvalue()


def is_current(template: Path = TEMPLATE) -> bool:
    """Return whether the template has every message of the program, and none besides."""
    with TemporaryDirectory() as folder:
        fresh = Path(folder, template.name)
        extract(fresh)
        return fresh.read_bytes() == template.read_bytes()


def main(arguments: list[str]) -> int:
    """Write the template and the catalogues; with `--check` only compare."""
    if "--check" not in arguments:
        extract(TEMPLATE)
        for language in TRANSLATED:
            path = catalogue_path(language)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(updated(language))
        return 0
    old = [] if is_current() else [TEMPLATE]
    paths = {language: catalogue_path(language) for language in TRANSLATED}
    old += [path for language, path in paths.items() if not path.is_file() or path.read_bytes() != updated(language)]
    for path in old:
        sys.stderr.write(f"{path.relative_to(ROOT)} is out of date: run ./dev messages\n")
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
