"""`python -m bot.locales.extract` writes `handover.pot`: every message of the program, sorted."""

import ast
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

LOCALES = Path(__file__).parent
TEMPLATE = LOCALES / "handover.pot"
ROOMS = tuple(LOCALES.parents[1] / name for name in ("bot", "connectors", "workflows", "config"))
MARKS = frozenset({"_", "N_", "ngettext"})


def calls(rooms: Iterable[Path] = ROOMS) -> Iterator[tuple[Path, ast.Call]]:
    """Yield every call in these folders that marks or translates a message."""
    for path in (path for room in rooms for path in sorted(room.rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS:
                yield path, node


def messages(rooms: Iterable[Path] = ROOMS) -> list[tuple[str, ...]]:
    """Return each message once: its text, or singular and plural."""
    found = {_texts(node) for _path, node in calls(rooms)}
    return sorted(texts for texts in found if texts and texts[0])


def _texts(node: ast.Call) -> tuple[str, ...]:
    wanted = 2 if isinstance(node.func, ast.Name) and node.func.id == "ngettext" else 1
    return tuple(str(part.value) for part in node.args[:wanted] if isinstance(part, ast.Constant))


def template(rooms: Iterable[Path] = ROOMS) -> str:
    """Return the template in gettext's format."""
    entries = ['msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n']
    return "\n".join([*entries, *(_entry(texts) for texts in messages(rooms))])


def _entry(texts: tuple[str, ...]) -> str:
    one, *many = (json.dumps(text, ensure_ascii=False) for text in texts)
    if many:
        return f'msgid {one}\nmsgid_plural {many[0]}\nmsgstr[0] ""\nmsgstr[1] ""\n'
    return f'msgid {one}\nmsgstr ""\n'


if __name__ == "__main__":
    TEMPLATE.write_text(template(), encoding="utf-8")
