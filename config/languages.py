"""The languages that sentences are in, and their catalogues `bot/locales/LANGUAGE/LC_MESSAGES/handover.po`.

A catalogue is read as its translators wrote it: nothing is compiled, so nothing compiled can be out of date.
"""

import gettext
import re
from collections.abc import Mapping
from functools import lru_cache
from io import BytesIO
from itertools import islice
from pathlib import Path

LOCALES = Path(__file__).parents[1] / "bot" / "locales"
SOURCE = "en"
LANGUAGES = {"en": "English", "pl": "polski", "ru": "русский", "zh_Hans": "简体中文", "zh_Hant": "繁體中文"}
"""Every language by its code, with its own name."""
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
_TRADITIONAL = frozenset({"hant", "tw", "hk", "mo"})
_SIGNED = re.compile(r'"X-Reviewed-By: (.+)\\n"')
HEADER_LINES = 20
_SEPARATOR = re.compile(r"[-_.@]")


def language_of(locale: str) -> str:
    """Return the language that a locale such as `pl_PL.UTF-8` or `zh-TW` asks for; empty if there is no such one."""
    first, *others = _SEPARATOR.split(locale.lower())
    if first == "zh":
        return "zh_Hant" if _TRADITIONAL.intersection(others) else "zh_Hans"
    return first if first in LANGUAGES else ""


def terminal_language(env: Mapping[str, str]) -> str:
    """Return the language of a terminal: HANDOVER_LANGUAGE, the choice on this machine, or the locale."""
    try:
        chosen = choice_path(env).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        chosen = ""
    locale = next((env[name] for name in _VARIABLES if env.get(name)), "")
    wished = (env.get("HANDOVER_LANGUAGE", ""), chosen, locale)
    return next((code for code in map(language_of, wished) if code), SOURCE)


def choice_path(env: Mapping[str, str]) -> Path:
    """Return the file in which a log-in's choice is kept."""
    folder = env.get("XDG_CONFIG_HOME") or Path(env.get("HOME") or "/", ".config")
    return Path(folder, "handover", "language")


def reviewer(language: str) -> str:
    """Return who signed a language's sentences, as its catalogue says; empty if no native reader has."""
    if language == SOURCE:
        return language
    if not (path := catalogue_path(language)).is_file():
        return ""
    with path.open(encoding="utf-8") as file:
        signed = (_SIGNED.match(line) for line in islice(file, HEADER_LINES))
        return next((found[1].strip() for found in signed if found), "")


def catalogue_path(language: str) -> Path:
    """Return the file with a language's sentences."""
    return LOCALES / language / "LC_MESSAGES" / "handover.po"


@lru_cache
def catalogue(locale: str) -> gettext.NullTranslations:
    """Return the sentences of a locale's language; English for what is not translated."""
    language = language_of(locale)
    if language in ("", SOURCE) or not (path := catalogue_path(language)).is_file():
        return gettext.NullTranslations()
    from babel.messages.catalog import Catalog  # noqa: PLC0415 - English needs no catalogue
    from babel.messages.mofile import write_mo  # noqa: PLC0415
    from babel.messages.pofile import read_po  # noqa: PLC0415

    with path.open("rb") as file:
        written = read_po(file, locale=language)
    translated = Catalog(locale=language)
    for message in written:
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        if message.id and all(forms) and not message.fuzzy:
            translated.add(message.id, message.string)
    compiled = BytesIO()
    write_mo(compiled, translated)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
