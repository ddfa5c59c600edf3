"""`handover manifest`: the Slack app's manifest, from the code that needs it."""

import json
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from bot.cli.options import AsJson
from bot.cli.output import show_json


class Mode(StrEnum):
    """How Slack reaches the bot."""

    SOCKET = "socket"
    HTTP = "http"


SlackMode = Annotated[Mode, typer.Option("--mode", help="As slack.mode in the configuration.")]

URL = "https://handover.example.com/slack/events"
Url = Annotated[str, typer.Option(help="Where Slack reaches the bot, in mode http.")]


def manifest(mode: SlackMode = Mode.SOCKET, url: Url = URL, as_json: AsJson = False) -> None:
    """Print the Slack app's manifest (YAML): commands, scopes and events exactly as this version needs them.

    Paste it at https://api.slack.com/apps under Create New App, From a manifest.

    For example:
      handover manifest --mode socket > slack-manifest.yaml
    """
    from bot.slack.manifest import manifest as built  # noqa: PLC0415 - one name, two meanings: the command and the value

    value = built(mode.value, url)
    if as_json:
        show_json(value)
    else:
        typer.echo(yaml(value), nl=False)


def yaml(value: Mapping[str, Any]) -> str:
    """Write nested mappings, lists and scalars as YAML; text stands bare only where nothing can misread it."""
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
    words = isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_.]*(:[a-z_.]+)?", value)
    if words and value.lower() not in ("true", "false", "null", "yes", "no", "on", "off", "y", "n"):
        return str(value)
    return json.dumps(value, ensure_ascii=False)
