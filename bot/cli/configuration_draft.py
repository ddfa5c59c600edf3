"""Draft of a configuration: answers by table and key, and the commented TOML of them. Pure."""

import inspect
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from bot.cli.questions import Answered
from bot.text import _
from config.reference import Key, keys, meanings, tables, toml
from config.settings import Role, Roles

HEAD = """# Handover's configuration. docs/reference/configuration.md explains every key; `handover doctor` checks it.
# Secrets stand here as references only: "env:NAME" or "file:/path".
"""


@dataclass
class ConfigurationDraft:
    """Answers so far. Secrets are references, ready to be written."""

    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    systems: dict[str, tuple[str, type[BaseModel]]] = field(default_factory=dict)
    """Kind and settings class by name. The values are in `tables["systems.NAME"]`."""

    def put(self, name: str, answered: Answered) -> None:
        """Add one table."""
        self.tables[name] = dict(answered.values)

    def put_system(self, name: str, kind: str, answered: Answered) -> None:
        """Add one system."""
        self.systems[name] = (kind, type(answered.model))
        self.put(f"systems.{name}", answered)

    def toml(self) -> str:
        """Return the file. Answered keys are set; all others are comments with their default."""
        parts = [HEAD]
        roles = meanings(Roles)
        for name, model in tables().items():
            said = roles[name.partition(".")[2]] if model is Role else inspect.getdoc(model) or ""
            parts.append("\n".join(_lines(name, said, model, self.tables.get(name, {}))))
        for name, (kind, model) in self.systems.items():
            said = inspect.getdoc(model) or ""
            values = self.tables.get(f"systems.{name}", {})
            parts.append("\n".join(_lines(f"systems.{name}", said, model, values, f"kind = {toml(kind)}")))
        return "\n".join(parts)


def _lines(name: str, said: str, model: type[BaseModel], values: Mapping[str, Any], first: str = "") -> Iterator[str]:
    yield from _comment(said)
    yield f"[{name}]"
    if first:
        yield first
    for key in keys(model):
        if key.meaning:
            yield from _comment(key.meaning)
        yield _line(key, values)
    yield ""


def _line(key: Key, values: Mapping[str, Any]) -> str:
    if key.name in values:
        return f"{key.name} = {toml(values[key.name])}"
    return f"# {key.name} = {key.default or _('...')}"


def _comment(text: str) -> list[str]:
    return textwrap.wrap(
        " ".join(text.split()), 118, initial_indent="# ", subsequent_indent="# ", break_long_words=False
    )
