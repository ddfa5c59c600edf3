"""Options and arguments that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from bot.text import N_

DEFAULT = Path("/etc/handover/handover.toml")

ConfigPath = Annotated[
    Path, typer.Option("--config", envvar="HANDOVER_CONFIG", help=N_("The configuration file."), show_default=True)
]
Whose = Annotated[str, typer.Argument(metavar="CASE|EMAIL", help=N_("A case's id, or its leaver's address."))]
Email = Annotated[str, typer.Argument(metavar="EMAIL", help=N_("The leaver's address in the company's directory."))]
Successors = Annotated[
    list[str] | None,
    typer.Option("--successor", metavar="EMAIL", help=N_("A colleague who receives clients; repeatable.")),
]
AssignmentFile = Annotated[
    Path | None, typer.Option("--clients", metavar="FILE", help=N_("A CSV file with a successor for each client."))
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=N_("Do not ask for confirmation."))]
AsJson = Annotated[bool, typer.Option("--json", help=N_("Print JSON for programs instead of tables for people."))]
