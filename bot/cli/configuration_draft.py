"""Draft of a configuration: answers by table and key, the commented TOML of them, and its files.

A file is written whole or not at all, readable by its owner alone.
"""

import os
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from pydantic import BaseModel, SecretStr

from config.actors import ActorSettings
from config.reference import description, keys, tables, toml

SECRETS, ACTORS = "secrets", "actors."
HEAD = """# Handover's configuration. docs/reference/configuration.md explains every key; `handover doctor` checks it.
# Secrets stand here as references only: "env:NAME" or "file:/path".
"""


@dataclass
class ConfigurationDraft:
    """Answers so far. Secrets are references, ready to be written."""

    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    systems: dict[str, tuple[str, type[BaseModel]]] = field(default_factory=dict)
    """Kind and settings class by name. The values are in `tables["systems.NAME"]`."""

    models: dict[str, BaseModel] = field(default_factory=dict)
    """Valid settings by name of the system."""

    def toml(self) -> str:
        """Return the file. Answered keys are set; all others are comments with their default."""
        lines = [HEAD]
        for name, model in tables().items():
            lines += self._table(name, model)
        for name in (one for one in self.tables if one.startswith(ACTORS)):
            lines += self._table(name, ActorSettings)
        for name, (kind, model) in self.systems.items():
            lines += self._table(f"systems.{name}", model, f"kind = {toml(kind)}")
        return "\n".join(lines)

    def _table(self, name: str, model: type[BaseModel], *first: str) -> Iterator[str]:
        yield from _comment(description(name, model))
        yield from (f"[{name}]", *first)
        values = self.tables.get(name, {})
        for key in keys(model):
            yield from _comment(key.meaning)
            if key.name in values:
                yield f"{key.name} = {toml(values[key.name])}"
            else:
                yield f"# {key.name} = {key.default or '...'}"
        yield ""


def _comment(text: str) -> list[str]:
    return textwrap.wrap(
        " ".join(text.split()), 118, initial_indent="# ", subsequent_indent="# ", break_long_words=False
    )


def write(draft: ConfigurationDraft, config: Path) -> None:
    """Write each secret to a file of its own, then the configuration with references to them."""
    config.parent.mkdir(parents=True, exist_ok=True)
    for table, values in draft.tables.items():
        for key, value in values.items():
            if isinstance(value, SecretStr):
                path = config.parent / SECRETS / f"{table}.{key}"
                write_private(path, value.get_secret_value() + "\n")
                values[key] = f"file:{path}"
    write_private(config, draft.toml())


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step. Only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False) as new:
        new.write(text)  # such a file is made with mode 0600
        new.flush()
        os.fsync(new.fileno())
    Path(new.name).replace(path)
