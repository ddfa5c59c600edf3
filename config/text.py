"""Words for people: gettext, looked up when a sentence is made. English stands in the source.

The module stands beside the settings, since connectors, workflows and bot all make sentences. A sentence that is stored
is stored as its message id and values (`gettext_lazy`), and put into the reader's language when it is shown (`shown`).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from config import formats
from config.formats import put
from config.languages import SOURCE, catalogue

_catalogue = catalogue
_language: ContextVar[str] = ContextVar("language", default=SOURCE)


@contextmanager
def language(locale: str) -> Iterator[None]:
    """Speak another language in this thread for a while; `locale` as Slack has it, `de-DE`."""
    token = _language.set(locale)
    try:
        yield
    finally:
        _language.reset(token)


def speak(locale: str) -> None:
    """Speak another language in this thread until further notice."""
    _language.set(locale)


def current_language() -> str:
    """Return the language of the moment, as it was set."""
    return _language.get()


class TranslatedText(str):
    """Words in the language of the moment that remember their message id and values, so that they can be stored."""

    __slots__ = ("sentence",)
    sentence: "Sentence"

    @classmethod
    def of(cls, words: str, sentence: "Sentence") -> "TranslatedText":
        """Return words with the sentence that they came from."""
        made = cls(words)
        made.sentence = sentence
        return made

    def format(self, *args: object, **values: object) -> str:
        """Put values in, and remember them."""
        if args:
            return super().format(*args, **values)
        words = put(self, values, current_language())
        return TranslatedText.of(words, replace(self.sentence, values=values))


def _(message: str) -> str:
    """Return the message in the language of the moment."""
    return TranslatedText.of(_catalogue(_language.get()).gettext(message), Sentence(message))


def ngettext(one: str, many: str, count: int) -> str:
    """Return the form that fits `count` in the language of the moment."""
    words = _catalogue(_language.get()).ngettext(one, many, count)
    return TranslatedText.of(words, Sentence(one, {}, many, count))


def number(value: object, spec: str = ",") -> str:
    """Return a number that stands outside of a sentence."""
    return formats.formatted(value, spec, current_language())


def local(at: datetime, zone: str) -> str:
    """Return a time in a time zone as plain text, with the zone's short name."""
    return formats.moment(at, zone, current_language())


def listed(texts: Iterable[str]) -> str:
    """Return texts in a row, with the comma of the language of the moment."""
    return formats.listed(texts, current_language())


def punctuated(pattern: str) -> str:
    """Return a pattern of values and marks alone, `{name}: {what}` or `; `, with the marks of the language."""
    return formats.punctuated(pattern, current_language())


def N_(message: str) -> str:  # noqa: N802 - gettext's own word for marking a message that is looked up later
    """Mark a message for the catalogue; `_` translates it when it is shown."""
    return message


_PLACEHOLDER, _LETTERS = re.compile(r"\{[^}]*\}"), re.compile(r"[^\W\d_]")
DAY = "day"
"""Key of a stored day."""
STORED = "\x1e"
"""Begins a stored sentence: a control character, so that no person's words are taken for one."""


@dataclass(frozen=True)
class Sentence:
    """A message with its values; `str()` gives the words in the language of the moment.

    A value may be a sentence itself. With `many` and `number` the plural form is chosen when it is shown.
    """

    message: str
    values: Mapping[str, object] = field(default_factory=dict)
    many: str = ""
    number: int = 0

    def __str__(self) -> str:
        text = self.message
        if _LETTERS.search(_PLACEHOLDER.sub("", text)):  # a message of placeholders alone has nothing to translate
            text = ngettext(text, self.many, self.number) if self.many else _(text)
        else:
            text = punctuated(text)
        return put(text, self.values, current_language()) if self.values else str(text)

    @property
    def words(self) -> str:
        """The words in the language of the moment, from which the sentence can be had again."""
        return TranslatedText.of(str(self), self)

    @property
    def stored(self) -> str:
        """The sentence as text for a row or sealed JSON; `shown` turns the text into words again."""
        return STORED + json.dumps(_plain(self), ensure_ascii=False)

    @property
    def english(self) -> str:
        """The words in English, as the journal and the log have them."""
        with language("en"):
            return str(self)


def _plain(sentence: Sentence) -> list[Any]:
    values = {name: _plain_value(value) for name, value in sentence.values.items()}
    return [sentence.message, values, sentence.many, sentence.number]


def _plain_value(value: object) -> Any:
    if isinstance(value, Sentence | TranslatedText):
        return _plain(value if isinstance(value, Sentence) else value.sentence)
    if type(value) is date:
        return {DAY: value.isoformat()}
    return value if isinstance(value, int | float) else str(value)


def _read_value(value: Any) -> object:
    if isinstance(value, list):
        return _read(*value)
    return date.fromisoformat(value[DAY]) if isinstance(value, dict) else value


def _read(message: str, values: Mapping[str, object], many: str, number: int) -> Sentence:
    read = {name: _read_value(value) for name, value in values.items()}
    return Sentence(message, read, many, number)


def gettext_lazy(message: str, **values: object) -> Sentence:
    """Return a sentence that is stored now and read in other languages later."""
    return Sentence(message, values)


def ngettext_lazy(one: str, many: str, count: int, **values: object) -> Sentence:
    """Return a sentence in the form that fits `count`, which is its value `count` as well."""
    return Sentence(one, {"count": count, **values}, many, count)


def stored(text: str) -> str:
    """Return words as text for a row or sealed data: ours as their sentence, others' as they are."""
    return text.sentence.stored if isinstance(text, TranslatedText) else text


def loaded(text: str) -> Sentence:
    """Return stored text as a sentence: to be a value of another one, or one of several."""
    return _read(*json.loads(text.removeprefix(STORED))) if text.startswith(STORED) else Sentence(text)


def joined(separator: str, sentences: Sequence[Sentence]) -> Sentence:
    """Return several sentences as one, with the separator between them."""
    names = [f"part{number}" for number in range(len(sentences))]
    together = Sentence(separator.join(f"{{{name}}}" for name in names), dict(zip(names, sentences, strict=True)))
    return sentences[0] if len(sentences) == 1 else together


def join(separator: str, texts: Iterable[str]) -> str:
    """Return texts as one that can be stored like each of them; empty ones are left out."""
    said = [text for text in texts if text]
    sentences = [
        text.sentence if isinstance(text, TranslatedText) else Sentence("{text}", {"text": text}) for text in said
    ]
    return joined(separator, sentences).words


def shown(text: str) -> str:
    """Return stored text in the language of the moment: a stored sentence, a bare message id, or others' words."""
    if text.startswith(STORED):
        return str(loaded(text))
    return _(text) if text else ""
