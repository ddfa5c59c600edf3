"""`/offboard` as typed: what is meant, decided without asking anyone."""

import re
from dataclasses import dataclass
from enum import StrEnum

COMMAND = "/offboard"
PERSON = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
EMAIL = re.compile(r"(?:<mailto:)?([^\s<>@|]+@[^\s<>@|]+\.[^\s<>@|]+)(?:\|[^>]*>)?")


class Verb(StrEnum):
    """What is asked for."""

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
    """A command; `user` or `email` is set where a person is named beyond doubt, `words` is what was not understood."""

    verb: Verb
    user: str = ""
    email: str = ""
    words: str = ""


def parse(text: str) -> ParsedCommand:
    """Read the text after the command. A bare name is never taken for a person."""
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
    # Slack escapes what people type; it is escaped again, once, where it is shown.
    words = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return ParsedCommand(Verb.NAME if verb is Verb.STATUS or text.startswith("@") else Verb.UNKNOWN, words=words)
