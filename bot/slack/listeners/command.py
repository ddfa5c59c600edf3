"""Parser of the `/offboard` command."""

import re
from dataclasses import dataclass
from enum import StrEnum

COMMAND = "/offboard"
PERSON = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
EMAIL = re.compile(r"(?:<mailto:)?([^\s<>@|]+@[^\s<>@|]+\.[^\s<>@|]+)(?:\|[^>]*>)?")


class Verb(StrEnum):
    """Action of a command."""

    START = "start"
    CHOOSE = "choose"
    STATUS = "status"
    LIST = "list"
    AUDIT = "audit"
    HELP = "help"
    NAME = "name"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """A command. `user` or `email`: the person, if named unambiguously. `words`: text that was not understood."""

    verb: Verb
    user: str = ""
    email: str = ""
    words: str = ""


def parse(text: str) -> ParsedCommand:
    """Parse the text after the command. A bare name never names a person."""
    text = text.strip()
    word, _space, rest = text.partition(" ")
    word = word.lower()
    if not text:
        return ParsedCommand(Verb.CHOOSE)
    if word in (Verb.LIST, Verb.AUDIT, Verb.HELP) and not rest.strip():
        return ParsedCommand(Verb(word))
    if word == Verb.STATUS:
        return _about(Verb.STATUS, rest.strip())
    return _about(Verb.START, text)


def _about(verb: Verb, text: str) -> ParsedCommand:
    if not text:
        return ParsedCommand(verb)
    if mention := PERSON.fullmatch(text):
        return ParsedCommand(verb, user=mention[1])
    if address := EMAIL.fullmatch(text):
        return ParsedCommand(verb, email=address[1].lower())
    # Slack escapes typed text. It is unescaped here, because the message escapes it again.
    words = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return ParsedCommand(Verb.NAME if verb is Verb.STATUS or text.startswith("@") else Verb.UNKNOWN, words=words)
