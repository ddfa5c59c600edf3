"""Kinds of systems from other packages, by the entry points `handover.connectors`.

The name of an entry is the kind, and its value is a module with a `MANIFEST`. A package is imported only when its kind
is requested. One that does not keep the contract is refused whole, with a sentence that names it.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, get_args

from pydantic import BaseModel

from config.secrets import Secret
from config.text import _
from connectors.contract import CONTRACT, Accounts, ByHand, Connector, Limits, Manifest
from connectors.errors import UnusableKind
from connectors.settings import COMMON_KEYS, SystemSettings

SECRET = re.compile(r"(^|_)(password|token|secret)$")
"""Keys whose values are secrets, whatever their type."""
GROUP = "handover.connectors"
NAME = re.compile(r"[a-z](?:[a-z0-9_]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class OutsideKind:
    """One kind of another package. `fault`: the reason for which it is refused, as a sentence, or empty."""

    kind: str
    package: str
    fault: str = ""


@cache
def _entries(path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Return the entry points of every installed package; `path` is the one that Python searches."""
    del path
    return tuple(sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, package(entry))))


def entries() -> tuple[EntryPoint, ...]:
    """Return the entry of each kind of another package. Imports none of them."""
    return _entries(tuple(sys.path))


def package(entry: EntryPoint) -> str:
    """Return the name and version of the package that an entry belongs to."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.module


def manifest(kind: str, own: tuple[str, ...]) -> Manifest | None:
    """Return the manifest of a kind of another package, or None if no package gives it. Raises `UnusableKind`.

    `own`: the kinds that no package may replace.
    """
    found = [entry for entry in entries() if entry.name == kind]
    if not found:
        return None
    if fault := _claim_fault(kind, found, own):
        raise refusal(", ".join(map(package, found)), kind, fault)
    try:
        loaded = getattr(found[0].load(), "MANIFEST", None)
        fault = manifest_fault(kind, loaded)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a package raises, it is refused by its name
        loaded, fault = None, _("its import failed ({why})").format(why=f"{type(error).__name__}: {error}")
    if fault or not isinstance(loaded, Manifest):
        raise refusal(package(found[0]), kind, fault)
    return loaded


def build(found: Manifest, settings: BaseModel) -> Connector:
    """Return a connector of another package; its answers are checked. Raises `UnusableKind`."""
    from connectors.answers import checked  # noqa: PLC0415 - only kinds of other packages need it

    [entry] = (entry for entry in entries() if entry.name == found.kind)
    try:
        return checked(found.connector, package(entry))(settings)  # type: ignore[call-arg]  # as in `registry.build`
    except (Exception, SystemExit) as error:
        fault = _("its connector cannot be built ({why})").format(why=type(error).__name__)
        raise refusal(package(entry), found.kind, fault) from error


def refusal(packages: str, kind: str, fault: str) -> UnusableKind:
    """Return the error for a kind that is refused."""
    return UnusableKind(
        _("{package} gives no usable kind {kind!r}: {fault}").format(package=packages, kind=kind, fault=fault)
    )


def _claim_fault(kind: str, found: list[EntryPoint], own: tuple[str, ...]) -> str:
    if kind in own:
        return _("the kind is Handover's own, and no package may replace it")
    if len(found) > 1:
        return _("two packages give the same kind")
    if not NAME.fullmatch(kind):
        return _("the name of a kind has small letters, digits and _ only")
    return ""


def manifest_fault(kind: str, found: Any) -> str:
    """Return the reason for which a manifest cannot be used, as a sentence; empty if it can. Pure."""
    if type(found) is not Manifest:  # a subclass could claim capabilities that its connector's header does not
        return _("its module has no MANIFEST of the class Manifest")
    if found.contract != CONTRACT:
        return _("it is written for version {theirs} of the connector contract, and this is version {ours}").format(
            theirs=found.contract, ours=CONTRACT
        )
    if found.kind != kind:
        return _("its manifest names the kind {other!r}").format(other=found.kind)
    return next(filter(None, (*_class_faults(found.connector), *_settings_faults(found), _words_fault(found))), "")


def _class_faults(connector: Any) -> Iterator[str]:
    if not (isinstance(connector, type) and Connector in connector.__mro__):
        yield _("its connector is no subclass of the contract's protocols")
        return
    name = connector.__name__
    if missing := sorted(getattr(connector, "__abstractmethods__", ())):
        yield _("its class {name} does not define {methods}").format(name=name, methods=", ".join(missing))
    if ByHand in connector.__mro__:
        yield _("its class {name} is done by hand, which is the kind manual").format(name=name)
    if Accounts not in connector.__mro__:
        yield _("its class {name} has not the capability Accounts, so nothing could be found or read back").format(
            name=name
        )


def _settings_faults(found: Manifest) -> Iterator[str]:
    model: Any = found.settings
    if not (isinstance(model, type) and issubclass(model, SystemSettings)):
        yield _("its settings are no subclass of connectors.settings.SystemSettings")
        return
    for key, value in model.model_fields.items():
        if key in COMMON_KEYS:
            yield _("its settings have the key {key}, which every kind has already").format(key=key)
        secret = "SecretStr" in str(value.annotation) or SECRET.search(key)
        if secret and not _is_reference(value.annotation, value.metadata):
            yield _("its settings take the secret {key} as a value: declare it as config.secrets.Secret").format(
                key=key
            )
    if model.model_config.get("extra") != "forbid":
        yield _("its settings take unknown keys")


def _is_reference(annotation: Any, metadata: Iterable[Any]) -> bool:
    """Return whether a field, or a part of its type, is a `Secret`."""
    resolves = Secret.__metadata__[0]  # type: ignore[attr-defined]  # an Annotated type has it
    parts = get_args(annotation)
    return resolves in metadata or any(_is_reference(part, getattr(part, "__metadata__", ())) for part in parts)


def _words_fault(found: Manifest) -> str:
    limits: Any = found.limits
    numbers = (
        [limits.move_batch, limits.move_at_once, limits.observe_batch, limits.connections]
        if (type(limits) is Limits)
        else [0]
    )
    if not all(type(number) is int and number > 0 for number in numbers) or not _is_pace(limits):
        return _("its limits are no positive numbers")
    words: list[Any] = [found.title, *found.cannot] if isinstance(found.cannot, tuple) else [None]
    if not all(isinstance(one, str) and one.strip() for one in words):
        return _("its title or a sentence of `cannot` is empty or no text")
    return ""


def _is_pace(limits: Limits) -> bool:
    return type(limits.requests) is int and limits.requests >= 0 and limits.window > timedelta(0)


def kinds(own: tuple[str, ...]) -> tuple[OutsideKind, ...]:
    """Return every kind of other packages with its fault. Imports all of them."""
    return tuple(_looked_at(entry, own) for entry in entries())


def _looked_at(entry: EntryPoint, own: tuple[str, ...]) -> OutsideKind:
    try:
        manifest(entry.name, own)
    except UnusableKind as error:
        return OutsideKind(entry.name, package(entry), str(error))
    return OutsideKind(entry.name, package(entry))
