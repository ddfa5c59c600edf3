"""Words for people: gettext, looked up when a sentence is made. English stands in the source.

It stands beside the settings, as the one room that every side may enter: connectors, workflows and bot all make
sentences. Catalogues are files in `bot/locales/LANGUAGE/LC_MESSAGES/handover.mo`.
"""

import gettext as catalogues
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

LOCALES = Path(__file__).parents[1] / "bot" / "locales"
_language: ContextVar[str] = ContextVar("language", default="en")


@lru_cache
def _catalogue(language: str) -> catalogues.NullTranslations:
    return catalogues.translation("handover", LOCALES, [language.replace("-", "_"), language[:2]], fallback=True)


@contextmanager
def language(locale: str) -> Iterator[None]:
    """Speak another language in this thread for a while; `locale` as Slack has it, `de-DE`."""
    token = _language.set(locale)
    try:
        yield
    finally:
        _language.reset(token)


def _(message: str) -> str:
    """Return the message in the language of the moment."""
    return _catalogue(_language.get()).gettext(message)


def ngettext(one: str, many: str, count: int) -> str:
    """Return the form that fits `count` in the language of the moment."""
    return _catalogue(_language.get()).ngettext(one, many, count)


def N_(message: str) -> str:  # noqa: N802 - gettext's own word for marking a message that is looked up later
    """Mark a message for the catalogue; `_` translates it when it is shown."""
    return message
