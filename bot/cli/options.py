"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT = Path("/etc/handover/handover.toml")

ConfigPath = Annotated[
    Path, typer.Option("--config", envvar="HANDOVER_CONFIG", help="The configuration file.", show_default=True)
]
Whose = Annotated[str, typer.Argument(metavar="CASE|EMAIL", help="A case's id or its leaver's address.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of tables for people.")]
