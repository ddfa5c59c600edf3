"""Where the answers of `handover init` come from: options, the environment, or the person at the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer
from pydantic import BaseModel, SecretStr, ValidationError

from bot.cli.ending import Stop
from bot.cli.output import warn
from bot.text import _
from config.faults import describe
from config.reference import Key, keys


class Answers:
    """Asks for one key after the other. What was given with `--set` or in the environment is not asked."""

    def __init__(self, given: Sequence[str], env: Mapping[str, str], *, interactive: bool) -> None:
        self.given = dict(_pair(text) for text in given)
        self.env = env
        self.interactive = interactive

    def table(self, name: str, model: type[BaseModel], wanted: Sequence[str], known: Mapping[str, Any] | None = None) -> BaseModel:
        """Return a whole valid table. Keys that turn out wrong are said, and asked again where somebody can be asked."""
        values = dict(known or {})
        ask = [key for key in keys(model) if key.name not in values and (key.name in wanted or self._has(name, key))]
        while True:
            for key in ask:
                if (answer := self.answer(f"{name}.{key.name}", key)) is not None:
                    values[key.name] = answer
            try:
                return model.model_validate(values, context={"env": self.env})
            except ValidationError as error:
                faults = describe(model, error, name)
                if not self.interactive:
                    raise Stop("\n  ".join([_("These answers cannot be used:"), *faults]), hint(faults)) from None
                for fault in faults:
                    warn(fault)
                wrong = {str(fault["loc"][0]) for fault in error.errors() if fault["loc"]}
                ask = [key for key in keys(model) if key.name in (wrong or set(wanted))]
                for key in ask:
                    values.pop(key.name, None)
                    self.given.pop(f"{name}.{key.name}", None)

    def answer(self, whole: str, key: Key) -> Any:
        """Return one answer as the model takes it, or None where it is left to the default."""
        if whole in self.given:
            return _read(key, self.given[whole])
        if variable(whole) in self.env:
            return f"env:{variable(whole)}" if key.secret else _read(key, self.env[variable(whole)])
        return _read(key, self._ask(whole, key)) if self.interactive else None

    def text(self, whole: str, question: str, default: str = "") -> str:
        """Return one answer that is not a key of a model."""
        known = self.given.get(whole) or self.env.get(variable(whole))
        if known is not None or not self.interactive:
            return known or default
        return str(typer.prompt(question, default=default, err=True)).strip()

    def agree(self, question: str, *, default: bool) -> bool:
        """Return a yes or no of the person at the terminal; without one: no."""
        return self.interactive and typer.confirm(question, default=default, err=True)

    def _has(self, name: str, key: Key) -> bool:
        whole = f"{name}.{key.name}"
        return whole in self.given or variable(whole) in self.env

    def _ask(self, whole: str, key: Key) -> str:
        if key.meaning:
            warn(f"\n{key.meaning}")
        how = _(" (hidden; or env:NAME, file:/path)") if key.secret else _(" (several: with commas)") if key.many else ""
        default = key.default.strip('"[]').replace('"', "")
        optional = not key.required
        return str(typer.prompt(whole + how, default=default if optional else None, hide_input=key.secret, err=True,
                                show_default=bool(default)))


def variable(whole: str) -> str:
    """Return the environment variable that answers a key: `slack.bot_token` is HANDOVER_SLACK_BOT_TOKEN."""
    return "HANDOVER_" + whole.upper().replace(".", "_").replace("-", "_")


def hint(faults: Sequence[str]) -> str:
    """Return how to give the first faulty key without being asked."""
    whole = faults[0].partition(":")[0]
    return _("Give each with --set {key}=VALUE or in the environment as {variable}; a secret as env:NAME or file:/path.").format(
        key=whole, variable=variable(whole))


def _read(key: Key, text: str) -> Any:
    text = text.strip()
    if key.secret:
        return text if text.startswith(("env:", "file:")) else SecretStr(text) if text else None
    if key.many:
        return [part.strip() for part in text.strip("[]").split(",") if part.strip()]
    return text if text or key.default == '""' else None


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or "." not in key:
        raise Stop(_("--set {text!r} is not KEY=VALUE.").format(text=key), _("Write it as --set company.name=Northwind."))
    return key.strip(), value
