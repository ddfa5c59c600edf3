"""Kinds of systems by name. A connector's package is imported only when its kind is requested."""

from importlib import import_module
from pathlib import Path

from pydantic import BaseModel

from config.text import _
from connectors.contract import Connector, Manifest


def known() -> tuple[str, ...]:
    """Return every known kind: the folders beside this file that hold a connector."""
    return tuple(sorted(found.parent.name for found in Path(__file__).parent.glob("*/connector.py")))


def manifest(kind: str) -> Manifest:
    """Return a kind's manifest. Raises `LookupError` with the known kinds."""
    if kind not in known():
        raise LookupError(
            _("{kind!r} is not a kind of system; known are {known}").format(kind=kind, known=", ".join(known()))
        )
    found: Manifest = import_module(f"connectors.{kind}").MANIFEST
    return found


def settings_of(kind: str) -> type[BaseModel]:
    """Return a kind's settings class, for `config.settings.load`. Raises `LookupError` with the known kinds."""
    return manifest(kind).settings


def build(kind: str, settings: BaseModel) -> Connector:
    """Return a connector; nothing is sent yet."""
    return manifest(kind).connector(settings)  # type: ignore[call-arg]  # the protocol says nothing of constructors
