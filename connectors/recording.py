"""Redacted recordings of a system's answers: the form of every value, and no value of a person or a client.

A word stays as it is only if the connector's own source has it, such as the name of a field. Every other text becomes
its form, its length and a short keyed hash: `<mail 16-31 #3fa9c1>`. Equal texts can be seen to be equal within one
recording. The key is random and never stored, so nobody can find a text from its hash.
"""

import ast
import hashlib
import inspect
import json
import re
import secrets
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, is_dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import IO, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from connectors.contract import Connector, Recorder

VERSION = 1
FORMS: tuple[tuple[str, str], ...] = (
    ("empty", r""),
    ("uuid", r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"),
    ("mail", r"[^@\s]+@[^@\s]+"),
    ("url", r"[a-z][a-z0-9+.-]*://\S+"),
    ("time", r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*|\d{14}(?:\.\d+)?Z"),
    ("date", r"\d{4}-\d\d-\d\d"),
    ("number", r"[+-]?\d+(?:\.\d+)?"),
    ("dn", r"[A-Za-z][A-Za-z0-9-]*=[^,]+(?:,[A-Za-z][A-Za-z0-9-]*=[^,]+)*"),
    ("word", r"\S+"),
    ("text", r"[\s\S]*"),
)
HEADERS = frozenset({"content-type", "etag", "retry-after", "link", "location", "www-authenticate"})
"""Headers of answers that are kept, beside those of rate limits."""
LIMITS = re.compile(r"(?:x-)?rate-?limit[a-z-]*")
MEDIA = re.compile(r"[a-z]+/[a-z0-9.+-]+(?:; ?charset=[A-Za-z0-9-]+)?")
ASSERTION = re.compile(r"([A-Za-z][A-Za-z0-9;.:-]*)(>=|<=|~=|=)([^()]*)")
"""One comparison of an LDAP filter (RFC 4515)."""
NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$:.-]{0,99}")
MOST_ITEMS = 3
"""Items of a list whose forms are kept, each form once."""
DEEPEST = 12


@cache
def vocabulary(connector: type[Connector]) -> frozenset[str]:
    """Return the words in the sources of a connector's package, without docstrings and sentences."""
    packages = {one.__module__.rpartition(".")[0] for one in connector.__mro__} - {"", "connectors"}
    words: set[str] = set()
    for name, module in [*sys.modules.items()]:
        if not any(name == package or name.startswith(f"{package}.") for package in packages):
            continue
        for node in ast.walk(ast.parse(_source(module))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and not re.search(r"\s", node.value):
                words |= {node.value, *re.split(r"[/.,?=&]", node.value)}
    return frozenset(word for word in words if NAME.fullmatch(word))


def _source(module: ModuleType) -> str:
    """Return the source of a module, or nothing if it has none."""
    try:
        return inspect.getsource(module)
    except (OSError, TypeError):
        return ""


class Shapes:
    """Replaces values by their forms."""

    def __init__(self, words: Collection[str]) -> None:
        self._words, self._key = frozenset(words), secrets.token_bytes(32)
        self._names = {word.lower() for word in words}

    def of(self, value: Any, depth: int = 0) -> Any:
        """Return the form of a value, as JSON."""
        if depth > DEEPEST:
            return "<deep>"
        if is_dataclass(value) and not isinstance(value, type):
            value = asdict(value)
        if isinstance(value, Mapping):
            return {self.name(key): self.of(one, depth + 1) for key, one in sorted(value.items(), key=str)}
        if isinstance(value, Collection) and not isinstance(value, str | bytes):
            return self._list(value, depth)
        return self._single(value)

    def _single(self, value: Any) -> Any:
        match value:
            case None | bool():
                return value
            case StrEnum():
                return str(value)
            case str():
                return value if value in self._words else self.hidden(value)
            case bytes():
                return self._bytes(value)
            case int() | float() | Decimal():
                return f"<{type(value).__name__} {len(str(abs(int(value))))} digits>"
        return f"<{type(value).__name__}>"

    def hidden(self, text: str) -> str:
        """Return the form, the length and the keyed hash of a text."""
        form = next(name for name, pattern in FORMS if re.fullmatch(pattern, text))
        low = 1 << max(0, len(text).bit_length() - 1)
        length = f"{low}-{2 * low - 1}" if len(text) > 1 else str(len(text))
        mark = hashlib.blake2b(text.encode(errors="surrogatepass"), key=self._key, digest_size=3).hexdigest()
        return f"<{form} {length} #{mark}>"

    def name(self, key: object) -> str:
        """Return a key of an object: as it is if the connector knows it in any case, else its form."""
        text = str(key)
        return text if text.isascii() and text.lower() in self._names else self.hidden(text)

    def place(self, place: str) -> str:
        """Return a path with its query, or a DN, with every unknown part as its form."""
        if not place.startswith("/"):
            return self.hidden(place)
        parts = urlsplit(place)
        path = "/".join(self.name(unquote(one)) if one else "" for one in parts.path.split("/"))
        query = "&".join(f"{self.name(name)}={self.of(value)}" for name, value in parse_qsl(parts.query))
        return f"{path}?{query}" if query else path

    def filter(self, query: str) -> str:
        """Return an LDAP filter with every value as its form."""

        def hide(found: re.Match[str]) -> str:
            value = found[3]
            return f"{self.name(found[1])}{found[2]}{value if value in {'*', *self._words} else self.hidden(value)}"

        return ASSERTION.sub(hide, query)

    def _bytes(self, value: bytes) -> Any:
        try:
            return self.of(value.decode())
        except UnicodeDecodeError:
            return f"<bytes {1 << len(value).bit_length()}>"

    def _list(self, items: Iterable[Any], depth: int) -> Any:
        every = list(items)
        shaped = [self.of(one, depth + 1) for one in every]
        kinds = {json.dumps(form(one), sort_keys=True): one for one in reversed(shaped)}
        return {"items": len(every), "forms": [*kinds.values()][::-1][:MOST_ITEMS]}


def form(shaped: Any) -> Any:
    """Return a redacted value without lengths and hashes, to compare two of them."""
    if isinstance(shaped, str):
        return re.sub(r"^<(\S+).*>$", r"<\1>", shaped)
    if isinstance(shaped, Mapping):
        return {form(name): form(one) for name, one in shaped.items()}
    return [form(one) for one in shaped] if isinstance(shaped, list) else shaped


class Recording(Recorder):
    """Writes a recording, one JSON object a line: each call of the contract, after its exchanges."""

    def __init__(self, connector: type[Connector], kind: str, out: IO[str]) -> None:
        self._shapes, self._out, self._call = Shapes(vocabulary(connector)), out, ""
        self.lines = 0
        self._write({"recording": VERSION, "kind": kind})

    def begin(self, call: str) -> None:
        """Name the call whose exchanges follow."""
        self._call = call

    def exchange(self, method: str, place: str, question: object, status: int | str, answer: object) -> None:
        """Write one exchange."""
        shapes = self._shapes
        if method == "SEARCH" and isinstance(question, Mapping):
            question = {**question, "filter": shapes.filter(str(question.get("filter", "")))}
            asked: object = {
                key: value if key in {"scope", "controls", "filter"} else shapes.of(value)
                for key, value in question.items()
            }
        else:
            asked = shapes.of(question)
        self._write(
            {
                "call": self._call,
                "method": method,
                "place": shapes.place(place),
                "asked": asked,
                "status": status,
                "answer": self._answer(answer),
            }
        )

    def end(self, answer: object = None, error: str = "") -> None:
        """Write the result of the call, or the kind of its error."""
        self._write(
            {"call": self._call, "error": error} if error else {"call": self._call, "result": self._shapes.of(answer)}
        )

    def _answer(self, answer: object) -> object:
        if not (isinstance(answer, Mapping) and answer.keys() == {"headers", "body"}):
            return self._shapes.of(answer)
        kept = {
            name: value if MEDIA.fullmatch(value) and name == "content-type" else self._shapes.hidden(value)
            for name, value in answer["headers"].items()
            if name in HEADERS or LIMITS.fullmatch(name)
        }
        return {"headers": kept, "body": self._shapes.of(answer["body"])}

    def _write(self, line: Mapping[str, object]) -> None:
        self._out.write(json.dumps(line, ensure_ascii=True) + "\n")
        self.lines += 1


def load(path: Path) -> list[Mapping[str, Any]]:
    """Read a recording."""
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]
