"""Check of the catalogues for `./dev check`: every sentence is translated, with the English one's values and marks.

`python -m bot.locales.completeness` prints every fault and ends with 1 if there is one.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence

from babel.messages.catalog import Message

from bot.locales.extract import ROOT, TRANSLATED, read
from bot.locales.limits import LIMITS
from config.languages import catalogue_path

PLACEHOLDER = re.compile(r"\{[^{}]*\}")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
MARKS = re.compile(r"[*\n]|<[@#!][^>]*>|:[a-z][a-z_]+:")
"""Bold, line ends, mentions and emojis, which a translation has as often."""
ENDS = re.compile(r"^\s+|\s+$")
"""Space at either end: Chinese has none between sentences."""
EMPHASIS = re.compile(r"(?<!\*)\*(?!\*)")
POLISH_ONE = ("pl", 0)
"""The form for exactly one, which may leave the number out as English does. Russian's first form is for 21 as well."""


def forms(text: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the plural forms of a message or translation; one for what does not count."""
    return (text or "",) if isinstance(text, str | None) else tuple(text)


def faults(language: str, message: Message, plurals: int) -> Iterator[str]:
    """Yield what is wrong with the translation of one message; an empty text for a missing one."""
    english, translated = forms(message.id), forms(message.string)
    if not all(translated) or len(translated) != (plurals if len(english) > 1 else 1):
        yield ""
        return
    for number, text in enumerate(translated):
        origin = english[0] if (language, number) == POLISH_ONE else english[-1]
        yield from _differences(origin, text, {name for form in english for name in PLACEHOLDER.findall(form)})
        if not language.startswith("zh") and ENDS.findall(origin) != ENDS.findall(text):
            yield "begins or ends with other space"
        limit = LIMITS.get(english[0], len(text))
        if len(text) > limit:
            yield f"has {len(text)} characters, and Slack shows {limit}"
    if message.fuzzy:
        yield "is fuzzy"


def _differences(origin: str, text: str, allowed: set[str]) -> Iterator[str]:
    values = set(PLACEHOLDER.findall(text))
    if lacking := set(PLACEHOLDER.findall(origin)) - values:
        yield f"lacks {', '.join(sorted(lacking))}"
    if unknown := values - allowed:
        yield f"has {', '.join(sorted(unknown))}, which the English has not"
    if sorted(CODE.findall(origin)) != sorted(CODE.findall(text)):
        yield f"has other code: {CODE.findall(text)} instead of {CODE.findall(origin)}"
    origin, text = CODE.sub("`", origin), CODE.sub("`", text)
    had, has = Counter(MARKS.findall(origin)), Counter(MARKS.findall(text))
    if had != has:
        yield f"has other marks: {dict(has)} instead of {dict(had)}"
    elif _unbold(text) > _unbold(origin):
        yield "has a letter beside the outside of a *, so that Slack shows the * instead of bold"


def _unbold(text: str) -> int:
    """Return the number of marks of bold that have a letter on their outside."""
    places = [mark.start() for mark in EMPHASIS.finditer(text)]
    outside = [*(start - 1 for start in places[::2]), *(end + 1 for end in places[1::2])]
    return sum(1 for place in outside if 0 <= place < len(text) and (text[place].isalnum() or text[place] in "{}"))


def report(language: str) -> list[str]:
    """Return every fault of a language's catalogue as a line."""
    path = catalogue_path(language)
    catalogue = read(path, language)
    name, lines, missing, every = path.relative_to(ROOT), [], 0, 0
    for message in catalogue:
        if message.id:
            every += 1
            for fault in faults(language, message, catalogue.num_plurals):
                missing += not fault
                if fault:
                    lines.append(f"{name}: {forms(message.id)[0]!r} {fault}")
    if missing:
        lines.insert(0, f"{name}: {missing:,} of {every:,} sentences are not translated")
    return lines


def main() -> int:
    """Print the faults of all languages."""
    lines = [line for language in TRANSLATED for line in report(language)]
    sys.stderr.writelines(f"{line}\n" for line in lines)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
