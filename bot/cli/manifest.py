"""`handover manifest`: the Slack app's manifest, generated from the code."""

import json
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from bot.cli.options import AsJson
from bot.cli.output import show_json
from bot.text import N_


class Mode(StrEnum):
    """Transport of Slack's requests."""

    SOCKET = "socket"
    HTTP = "http"


HELP = N_(
    """Has the commands, scopes and events that this version needs, as YAML.

Paste it at https://api.slack.com/apps under Create New App, From a manifest.
"""
)
EXAMPLES = ("handover manifest --mode socket > slack-manifest.yaml",)
URL = "https://handover.example.com/slack/events"
SlackMode = Annotated[Mode, typer.Option("--mode", help=N_("slack.mode of the configuration."))]
Url = Annotated[str, typer.Option(help=N_("With mode http: the bot's public address for Slack."))]


def manifest(mode: SlackMode = Mode.SOCKET, url: Url = URL, as_json: AsJson = False) -> None:
    """Print the manifest as YAML or JSON."""
    from bot.slack.manifest import manifest as built  # noqa: PLC0415 - the command has the value's name, too

    value = built(mode.value, url)
    if as_json:
        show_json(value)
    else:
        typer.echo(yaml(value), nl=False)


def yaml(value: Mapping[str, Any]) -> str:
    """Return nested mappings, lists and scalars as YAML. Ambiguous text is quoted."""
    return "".join(f"{line}\n" for line in _lines(value))


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _under(f"{_scalar(key)}:", inner)
        return
    for inner in value:
        first, *rest = _lines(inner) if _nested(inner) else [_scalar(inner)]
        yield f"- {first}"
        yield from (f"  {line}" for line in rest)


def _under(key: str, inner: Any) -> Iterator[str]:
    if not _nested(inner):
        yield f"{key} {_scalar(inner)}"
        return
    yield key
    yield from (f"  {line}" for line in _lines(inner))


def _nested(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple) and bool(value)


def _scalar(value: Any) -> str:
    unambiguous = isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_.]*(:[a-z_.]+)?", value)
    if unambiguous and value.lower() not in ("true", "false", "null", "yes", "no", "on", "off", "y", "n"):
        return str(value)
    return json.dumps(value, ensure_ascii=False)
