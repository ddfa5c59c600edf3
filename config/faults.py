"""A validation error as lines for the person who wrote the file: `key: what is wrong`. No value is repeated."""

from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from config.text import N_, _, punctuated

MESSAGES = {
    "value_error": "{error}",
    "missing": N_("is missing"),
    **dict.fromkeys(("model_type", "dict_type"), N_("must be a table")),
    **dict.fromkeys(("string_type", "path_type"), N_("must be text")),
    **dict.fromkeys(("tuple_type", "list_type"), N_("must be a list")),
    **dict.fromkeys(("bool_type", "bool_parsing"), N_("must be true or false")),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), N_("must be a whole number")),
    **dict.fromkeys(("float_type", "float_parsing", "decimal_type", "decimal_parsing"), N_("must be a number")),
    **dict.fromkeys(("time_type", "time_parsing"), N_('must be a time of day such as "17:00"')),
    **dict.fromkeys(("literal_error", "enum"), N_("must be {expected}")),
    "string_pattern_mismatch": N_("must have the form {pattern}"),
    "string_too_short": N_("is too short; the least length is {min_length}"),
    "string_too_long": N_("is too long; the greatest length is {max_length}"),
    "too_short": N_("has too few entries; the least number is {min_length}"),
    "too_long": N_("has too many entries; the greatest number is {max_length}"),
    "greater_than": N_("must be more than {gt}"),
    "greater_than_equal": N_("must be at least {ge}"),
    "less_than": N_("must be less than {lt}"),
    "less_than_equal": N_("must be at most {le}"),
}
"""Sentences by the library's name of a fault. It has others, in English, for faults that no settings can have."""


def describe(model: type[BaseModel], error: ValidationError, prefix: str = "") -> list[str]:
    """Return one line for each fault, with its whole key in the file."""
    lines = []
    for fault in error.errors(include_input=False, include_url=False):
        path, kind = [str(part) for part in fault["loc"]], fault["type"]
        message = _(MESSAGES[kind]).format(**fault.get("ctx", {})) if kind in MESSAGES else fault["msg"]
        if kind == "extra_forbidden":
            message = _("is not a known key") + _meant(_table(model, path[:-1]), path[-1])
        key = ".".join([prefix, *path] if prefix else path)
        place = key or _("the file")
        lines.append(punctuated("{place}: {message}").format(place=place, message=message))
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
