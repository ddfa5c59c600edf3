"""Kinds of systems by name. A connector's package is imported only when its kind is requested."""

from importlib import import_module
from pathlib import Path

from pydantic import BaseModel

from config.text import _
from connectors import outside
from connectors.contract import Connector, Manifest
from connectors.outside import OutsideKind


def own() -> tuple[str, ...]:
    """Return Handover's own kinds: the folders beside this file that hold a connector."""
    return tuple(sorted(found.parent.name for found in Path(__file__).parent.glob("*/connector.py")))


def known() -> tuple[str, ...]:
    """Return every known kind, those of other packages included. Imports none of them."""
    return tuple(sorted({*own(), *(entry.name for entry in outside.entries())}))


def others() -> tuple[OutsideKind, ...]:
    """Return the kinds of other packages, each with the fault for which it is refused. Imports all of them."""
    return outside.kinds(own())


def manifest(kind: str) -> Manifest:
    """Return a kind's manifest. Raises `LookupError` with the known kinds, or `UnusableKind` with its package."""
    if theirs := outside.manifest(kind, own()):
        return theirs
    if kind not in own():
        raise LookupError(
            _("{kind!r} is not a kind of system; known are {known}").format(kind=kind, known=", ".join(known()))
        )
    found: Manifest = import_module(f"connectors.{kind}").MANIFEST
    return found


def settings_of(kind: str) -> type[BaseModel]:
    """Return a kind's settings class, for `config.settings.load`. Raises `LookupError` as `manifest`."""
    return manifest(kind).settings


def build(kind: str, settings: BaseModel) -> Connector:
    """Return a connector; nothing is sent yet."""
    found = manifest(kind)
    if kind in own():
        return found.connector(settings)  # type: ignore[call-arg]  # the protocol says nothing of constructors
    return outside.build(found, settings)
