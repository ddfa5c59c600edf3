"""The reference of all keys, read from the models, for `handover init` and docs/reference."""

import ast
import inspect
import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise, starmap
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from config.actors import ActorSettings
from config.client_book import ApprovalRule, ColleagueSettings, SplitRule
from config.fields import RequestLimit
from config.settings import Common, ProfileSettings, Role, Roles, Settings
from config.stages import StageSettings

WORDS: Mapping[Any, str] = {
    SplitRule: "tables",
    StageSettings: "table",
    RequestLimit: "requests/seconds",
    str: "text",
    int: "whole number",
    float: "number",
    Decimal: "number",
    bool: "true or false",
    time: "time of day",
    Path: "path",
    SecretStr: "reference to a secret",
    timedelta: "days or hours",
}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table. `default` is TOML, empty where there is none."""

    name: str
    type: str
    required: bool
    default: str
    meaning: str
    secret: bool
    many: bool
    asked: bool = False
    """True if `handover init` asks for it: it is needed, or one of several keys of which one is."""


def keys(model: type[BaseModel]) -> tuple[Key, ...]:
    """Return the keys of a table in their order, those that it shares with other tables last."""
    said, own = meanings(model), vars(model)["__annotations__"]
    fields = sorted(model.model_fields.items(), key=lambda pair: pair[0] not in own)
    return tuple(_key(name, field, said.get(name, "")) for name, field in fields if not _is_table(field.annotation))


def _is_table(annotation: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def tables(model: type[BaseModel] = Settings) -> dict[str, type[BaseModel]]:
    """Return the tables of the file in their order, nested ones by their whole name, without [systems]."""
    found: dict[str, type[BaseModel]] = {}
    for name, field in model.model_fields.items():
        inner = field.annotation
        if _is_table(inner):
            own = not all(_is_table(one.annotation) for one in inner.model_fields.values())
            found |= {name: inner} if own else {}
            found |= {f"{name}.{key}": table for key, table in tables(inner).items()}
    return found


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstring under each field, base classes included."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if issubclass(cls, BaseModel) and cls is not BaseModel:
            (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
            for pair in pairwise(ast.iter_child_nodes(tree)):
                match pair:
                    case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                        found[name] = " ".join(text.split())
    return found


def toml(value: Any) -> str:
    """Write one value as TOML."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return str(value)
        case time():
            return f'"{value:%H:%M}"'
        case dict():
            return f"{{{', '.join(f'{key} = {toml(inner)}' for key, inner in value.items())}}}"
        case list() | tuple():
            return f"[{', '.join(toml(inner) for inner in value)}]"
        case _:
            # JSON's text is TOML's, but for one control character.
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def markdown(kinds: Mapping[str, type[BaseModel]]) -> str:
    """Return docs/reference/configuration.md."""
    titles: list[tuple[str, type[BaseModel]]] = [
        *((f"## `[{name}]`", model) for name, model in tables().items()),
        ("## `[[clients.rules]]`", SplitRule),
        ('## `[clients.colleagues."ADDRESS"]`', ColleagueSettings),
        ("## `[actors.NAME]`", ActorSettings),
        ("## `[approvals.rules.NAME]`", ApprovalRule),
        ("## `[profiles.NAME]`", ProfileSettings),
    ]
    systems = [(f'### `kind = "{kind}"`', model) for kind, model in kinds.items()]
    parts = [INTRODUCTION, *starmap(_section, titles), SYSTEMS, _table(Common), *starmap(_section, systems)]
    return "\n\n".join(parts) + "\n"


def description(name: str, model: type[BaseModel]) -> str:
    """Return the words about a table."""
    return meanings(Roles)[name.rpartition(".")[2]] if model is Role else inspect.getdoc(model) or ""


INTRODUCTION = """<!-- Generated from the models in config/ and connectors/; a test holds it up to date. -->
# Configuration

One TOML file, by default `/etc/handover/handover.toml`; `--config` or `HANDOVER_CONFIG` names another. `handover init`
writes one, `handover doctor` checks everything that it names. A file with faults is refused as a whole, with every
fault listed by its key.

A **reference to a secret** is `"env:NAME"` (an environment variable) or `"file:/path"` (a file that holds nothing
else). The secret itself in this file is refused."""

SYSTEMS = """## `[systems.NAME]`

One table for each outside system, under a name of your own; `kind` says which connector it is for, and the other keys
are that kind's own. These keys are for every kind:"""


def _section(title: str, model: type[BaseModel]) -> str:
    return f"{title}\n\n{description(title.strip('#`[] '), model)}\n\n{_table(model)}"


def _table(model: type[BaseModel]) -> str:
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key in keys(model):
        default = "**needed**" if key.required else f"`{key.default}`" if key.default else "none"
        lines.append(f"| `{key.name}` | {key.type} | {default} | {key.meaning} |")
    return "\n".join(lines)


def _key(name: str, field: FieldInfo, meaning: str) -> Key:
    kind = _strip(field.annotation)
    known = field.get_default(call_default_factory=True)
    default = "" if field.is_required() or known is None else toml(known)
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    asked = field.is_required() or bool(extra.get("asked"))
    many = get_origin(kind) is tuple
    return Key(name, _words(kind), field.is_required(), default, meaning, kind is SecretStr, many, asked)


def _strip(kind: Any) -> Any:
    """Remove `Annotated` and `| None`."""
    if get_origin(kind) is Annotated:
        return _strip(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return _strip(next(inner for inner in get_args(kind) if inner is not NoneType))
    return kind


def _words(kind: Any) -> str:
    kind = _strip(kind)
    if get_origin(kind) is Literal:
        return " or ".join(f"`{toml(value)}`" for value in get_args(kind))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return " or ".join(f"`{toml(one.value)}`" for one in kind)
    if get_origin(kind) is tuple:
        return f"list of {_words(get_args(kind)[0])}"
    if get_origin(kind) in (dict, Mapping):
        return "table"
    return WORDS.get(kind, getattr(kind, "__name__", str(kind)))
