"""`handover manifest`: the Slack app's manifest, generated from the code."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import typer
from yaml import safe_dump

from bot.cli.context import AsJson
from bot.cli.output import finish
from bot.text import N_

HELP = N_(
    """Has the commands, scopes and events that this version needs, as YAML.

Paste it at https://api.slack.com/apps under Create New App, From a manifest.
"""
)
EXAMPLES = ("handover manifest --mode socket > slack-manifest.yaml",)
URL = "https://handover.example.com/slack/events"


def manifest(
    mode: Annotated[Literal["socket", "http"], typer.Option(help=N_("slack.mode of the configuration."))] = "socket",
    url: Annotated[str, typer.Option(help=N_("With mode http: the bot's public address for Slack."))] = URL,
    as_json: AsJson = False,
) -> None:
    """Print the manifest as YAML or JSON."""
    from bot.slack.manifest import manifest as built  # noqa: PLC0415 - the command has the value's name, too

    value = built(mode, url)
    finish(value, lambda: typer.echo(yaml(value), nl=False), as_json=as_json)


def yaml(value: Mapping[str, Any]) -> str:
    """Return the manifest as YAML, in its order."""
    # Through JSON, since this writer knows no text that remembers its message.
    text: str = safe_dump(json.loads(json.dumps(value)), sort_keys=False, allow_unicode=True, width=120)
    return text
