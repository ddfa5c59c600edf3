"""A file for a native reader: every sentence of a language with its place, its English, and room for a remark.

`python -m bot.locales.review pl > review.md`. Who has read it all signs in `X-Reviewed-By` of the catalogue.
"""

import sys
from collections.abc import Iterator

from babel.messages.catalog import Message

from bot.locales.completeness import forms
from bot.locales.extract import TRANSLATED, read
from bot.locales.limits import LIMITS
from config.languages import LANGUAGES, catalogue_path, reviewer


def lines(language: str) -> Iterator[str]:
    """Yield the file's lines, sentences by the file that they stand in."""
    catalogue = read(catalogue_path(language), language)
    yield f"# {LANGUAGES[language]} ({language}): every sentence of Handover"
    yield ""
    yield f"Read by: {reviewer(language) or 'nobody yet'}. Terms are in bot/locales/terms.md."
    by_place: dict[str, list[Message]] = {}
    for message in catalogue:
        if message.id:
            by_place.setdefault(message.locations[0][0] if message.locations else "", []).append(message)
    for place, messages in sorted(by_place.items()):
        yield from ("", f"## {place}", "", "| English | translation | right? |", "| --- | --- | --- |")
        yield from map(_row, messages)


def _row(message: Message) -> str:
    limit = LIMITS.get(forms(message.id)[0])
    note = f" *(at most {limit} characters)*" if limit else ""
    return f"| {_cell(forms(message.id))}{note} | {_cell(forms(message.string))} | |"


def _cell(texts: tuple[str, ...]) -> str:
    return "<br>".join(text.replace("|", "\\|").replace("\n", "⏎") for text in texts) or "–"


def main(arguments: list[str]) -> int:
    """Print the file of one language."""
    if len(arguments) != 1 or arguments[0] not in TRANSLATED:
        sys.stderr.write(f"python -m bot.locales.review {'|'.join(TRANSLATED)}\n")
        return 2
    sys.stdout.writelines(f"{line}\n" for line in lines(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
