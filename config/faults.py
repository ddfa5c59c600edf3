"""A validation error as lines for the person who wrote the file: `key: what is wrong`. No value is repeated."""

from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from config.text import N_, _

MESSAGES = {"missing": N_("is missing"), "model_type": N_("must be a table"), "dict_type": N_("must be a table")}


def describe(model: type[BaseModel], error: ValidationError, prefix: str = "") -> list[str]:
    """Return one line for each fault, with its whole key in the file."""
    lines = []
    for fault in error.errors(include_input=False, include_url=False):
        path = [str(part) for part in fault["loc"]]
        message = _(MESSAGES[fault["type"]]) if fault["type"] in MESSAGES else fault["msg"]
        if fault["type"] == "extra_forbidden":
            message = _("is not a known key") + _meant(_table(model, path[:-1]), path[-1])
        key = ".".join([prefix, *path] if prefix else path)
        message = message.removeprefix("Value error, ").replace("Input should be", "must be")
        lines.append(f"{key or _('the file')}: {message}")
    return lines


def _table(model: type[BaseModel], path: list[str]) -> type[BaseModel] | None:
    """Follow a key from table to table; None where the way leads through something else."""
    for part in path:
        field = model.model_fields.get(part)
        inner: Any = field.annotation if field else None
        tables = [kind for kind in (inner, *get_args(inner)) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not tables:
            return None
        model = tables[0]
    return model


def _meant(table: type[BaseModel] | None, key: str) -> str:
    known = list(table.model_fields) if table else []
    close = get_close_matches(key, known, 1)
    if close:
        return _("; did you mean {key}?").format(key=close[0])
    return _("; known here: {keys}").format(keys=", ".join(known)) if known else ""
