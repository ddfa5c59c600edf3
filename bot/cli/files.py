"""Files of a new configuration and its secrets. Each is written whole or not at all, readable by its owner alone."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from pydantic import SecretStr

from bot.cli.configuration_draft import ConfigurationDraft

SECRETS = "secrets"


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
