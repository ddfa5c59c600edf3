"""Identifiers of people: addresses and log-ins, cleaned where they enter, and compared without guesses.

Two values are the same if they differ in the case of ASCII letters alone. Values that only Unicode folding makes equal
are alike, and a person is asked. Examples are ß and ss, the Kelvin sign and k, dotted and dotless i, or letters that
are composed and decomposed.
"""

import unicodedata
from collections.abc import Iterable
from urllib.parse import unquote

from config.text import _

UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
"""Characters that nobody sees, beside those of category Cf and the variation selectors (Unicode, DerivedCore)."""
ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
DOTLESS = "\u0131"
PAIRS = (("ss", "\u00df"), ("k", "\u212a"), ("i", DOTLESS), ("i", "\u0130"), ("s", "\u017f"))
"""ASCII letters, and other letters that Unicode folding makes equal to them."""
MOST_VARIANTS = 12
AFFIXES = ("a", "adm", "admin", "da", "ext", "guest", "priv", "root", "sa", "su", "test")
"""Words before or behind a log-in by which one person has another account."""
MAILTO = "mailto:"


def visible(text: str) -> str:
    """Return a text without characters that nobody sees; every kind of space becomes a plain one."""
    seen = (" " if unicodedata.category(one) == "Zs" else one for one in text if not _is_unseen(one))
    return "".join(seen).strip()


def _is_unseen(one: str) -> bool:
    return unicodedata.category(one) == "Cf" or one in UNSEEN or "VARIATION SELECTOR" in unicodedata.name(one, "")


def address(text: str) -> str:
    """Return the one e-mail address in a text, as it is looked up. Raises ValueError for any other text.

    Takes `mailto:` links, angle brackets with a name before them, a trailing dot, and unseen characters away.
    """
    found = visible(text)
    if found.endswith(">"):
        found = found[found.rfind("<") + 1 : -1].strip()
    if found[: len(MAILTO)].lower() == MAILTO:
        found = unquote(found[len(MAILTO) :].partition("?")[0])
    found = visible(found).rstrip(".")
    user, _at, domain = found.partition("@")
    labels = domain.split(".")
    whole = user and len(labels) > 1 and all(labels) and "@" not in domain
    if not whole or any(one.isspace() or one in "<>" or not one.isprintable() for one in found):
        raise ValueError(_("{text!r} is not an e-mail address").format(text=text))
    return found


def address_or_nothing(text: str) -> str:
    """Return the address in a text, or an empty text."""
    try:
        return address(text)
    except ValueError:
        return ""


def plain(value: str) -> str:
    """Return a value as it is compared: without outer spaces, ASCII letters in lower case, all others as they are."""
    return value.strip().translate(ASCII_LOWER)


def distinct(values: Iterable[str]) -> tuple[str, ...]:
    """Return the values that are not empty, each once, in the spelling that comes first."""
    return tuple({plain(value): value for value in reversed([*values]) if value.strip()}.values())[::-1]


def folded(value: str) -> str:
    """Return the key that all values have that look alike: no case, no marks, no compatibility forms."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", value).casefold())
    return "".join(one for one in apart if not unicodedata.combining(one)).replace(DOTLESS, "i").strip()


def variants(value: str) -> tuple[str, ...]:
    """Return other spellings of a value that look like it, to search for where a server compares letter by letter."""
    spellings = [unicodedata.normalize(form, value) for form in ("NFC", "NFD", "NFKC")]
    spellings += [spelling.casefold() for spelling in spellings]
    low, pairs = plain(value), [pair for one, other in PAIRS for pair in ((one, other), (other, one))]
    spellings += [low.replace(old, new) for old, new in pairs]
    spellings += [
        spelling for old, new in pairs for spelling in (low.replace(old, new, 1), new.join(low.rsplit(old, 1)))
    ]
    return tuple(one for one in distinct(spellings) if plain(one) != plain(value))[:MOST_VARIANTS]


def relatives(names: Iterable[str]) -> tuple[str, ...]:
    """Return the log-ins or addresses that administrators and guests get beside their own."""
    return distinct(
        made
        for name in names
        for affix in AFFIXES
        for sign in "-_."
        for made in (f"{affix}{sign}{name}", f"{name.partition('@')[0]}{sign}{affix}{''.join(name.partition('@')[1:])}")
    )


def origins(names: Iterable[str]) -> tuple[str, ...]:
    """Return the log-ins or addresses whose relatives these names are, or to which they add a `+`."""
    found = []
    for name in names:
        user, at, domain = plain(name).partition("@")
        for sign in "-_.":
            first, _sign, behind = user.partition(sign)
            before, _sign, last = user.rpartition(sign)
            found += [behind + at + domain] if first in AFFIXES and behind else []
            found += [before + at + domain] if last in AFFIXES and before else []
        base, plus, _tag = user.partition("+")
        found += [base + at + domain] if plus and at and base else []
    return distinct(found)


def is_among(value: str, wanted: Iterable[str]) -> bool:
    """Return whether a value is one of those wanted, without guesses."""
    return bool(value.strip()) and plain(value) in {plain(one) for one in wanted}


def is_like_any(value: str, wanted: Iterable[str]) -> bool:
    """Return whether a value is none of those wanted, and only looks like one of them."""
    return not is_among(value, wanted) and bool(value.strip()) and folded(value) in {folded(one) for one in wanted}
