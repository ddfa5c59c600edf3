"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT = Path("/etc/handover/handover.toml")

ConfigPath = Annotated[
    Path, typer.Option("--config", envvar="HANDOVER_CONFIG", help="The configuration file.", show_default=True)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of tables for people.")]
