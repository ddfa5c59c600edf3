"""Answers for `handover init`, from options, the environment, or the person at the terminal, and their checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer
from pydantic import BaseModel, SecretStr, ValidationError

from bot.cli.checks import Check
from bot.cli.doctor import examine
from bot.cli.output import EXIT_FAILURE, CommandError, warn
from bot.text import _
from config.faults import describe
from config.reference import Key, keys

CHECK_SECONDS = 10.0
"""Time limit of the checks after one answer."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One table: the valid model, and the value to write for each answered key."""

    model: BaseModel
    values: dict[str, Any]


class Answers:
    """Answers by key. Keys from `--set` and from the environment are not asked."""

    def __init__(
        self, given: Sequence[str], env: Mapping[str, str], *, interactive: bool, unchecked: bool = False
    ) -> None:
        """`unchecked`: continue after a failed check."""
        self.interactive = interactive
        self._unchecked = unchecked
        self._given = dict(_pair(text) for text in given)
        self._env = env
        self._forgotten: set[str] = set()
        self._used: set[str] = set()

    def table(
        self, name: str, model: type[BaseModel], wanted: Sequence[str], known: Mapping[str, Any] | None = None
    ) -> Answered:
        """Return a valid table. Faults are printed, and asked again where a person can be asked."""
        raw = dict(known or {})
        ask = [
            key
            for key in keys(model)
            if key.name not in raw and (key.name in wanted or self.given(f"{name}.{key.name}") is not None)
        ]
        while True:
            raw |= {key.name: answer for key in ask if (answer := self._answer(f"{name}.{key.name}", key)) is not None}
            try:
                found = model.model_validate(raw, context={"env": self._env})
            except ValidationError as error:
                self.refuse(describe(model, error, name))
                wrong = {str(fault["loc"][0]) for fault in error.errors(include_input=False) if fault["loc"]}
                ask = [key for key in keys(model) if key.name in (wrong or wanted)]
                for key in ask:
                    raw.pop(key.name, None)
                    self.forget(f"{name}.{key.name}")
            else:
                secret = {key.name for key in keys(model) if key.secret}
                return Answered(found, {k: v if k in secret else getattr(found, k) for k, v in raw.items()})

    def text(self, whole: str, question: str, default: str = "") -> str:
        """Return one answer that decides on the next questions."""
        known = self.given(whole)
        if known is not None or not self.interactive:
            return known or default
        return str(typer.prompt(question, default=default or None, err=True)).strip()

    def agree(self, question: str, *, default: bool) -> bool:
        """Return the yes or no of the person at the terminal. Without a person: no."""
        return self.interactive and typer.confirm(question, default=default, err=True)

    def pass_checks(self, checks: Sequence[Check]) -> bool:
        """Print the results of checks on answers, and return whether to continue. False: ask again.

        Raises `CommandError` after a failure where no person can be asked.
        """
        results = examine(checks, CHECK_SECONDS)
        for result in results:
            warn(("  ✓ " if result.ok else "  ✗ ") + f"{result.what}: {result.said} {result.todo}".rstrip())
        if all(result.ok for result in results) or self._unchecked:
            return True
        if not self.interactive:
            raise CommandError(
                _("A check failed, so nothing was written."),
                _("Correct the answer, or add --unchecked to write the file anyway."),
                EXIT_FAILURE,
            )
        return not self.agree(_("Answer again?"), default=True)

    def names(self, table: str) -> list[str]:
        """Return the names of the tables `[TABLE.NAME]` in `--set`, in their order."""
        return list(dict.fromkeys(key.split(".")[1] for key in self._given if key.startswith(f"{table}.")))

    def forget(self, prefix: str) -> None:
        """Ask for these keys from now on, even if they were given."""
        self._forgotten.add(prefix)

    def refuse(self, faults: Sequence[str]) -> None:
        """Print faults of answers. Raises `CommandError` where no person can be asked."""
        if not self.interactive:
            raise CommandError("\n  ".join([_("Invalid answers:"), *faults]), _hint(faults[0].partition(":")[0]))
        for fault in faults:
            warn(f"  ✗ {fault}")

    def _answer(self, whole: str, key: Key) -> Any:
        known = self.given(whole)
        if known is None:
            return _read(key, self._ask(whole, key)) if self.interactive else None
        return f"env:{variable(whole)}" if key.secret and whole not in self._given else _read(key, known)

    def unused(self) -> list[str]:
        """Return the given keys that no question needed: misspelt ones."""
        return sorted(self._given.keys() - self._used)

    def given(self, whole: str) -> str | None:
        """Return the answer that was given without asking, or None."""
        self._used.add(whole)
        if any(whole == prefix or whole.startswith(f"{prefix}.") for prefix in self._forgotten):
            return None
        return self._given.get(whole, self._env.get(variable(whole)))

    @staticmethod
    def _ask(whole: str, key: Key) -> str:
        if key.meaning:
            warn(f"\n{key.meaning}")
        how = _(" (several: separate with commas)") if key.many else ""
        how = _(" (hidden; or env:NAME, file:/path)") if key.secret else how
        default = None if key.required else key.default.strip('"[]').replace('"', "")
        return str(
            typer.prompt(whole + how, default=default, hide_input=key.secret, err=True, show_default=bool(default))
        )


def variable(whole: str) -> str:
    """Return the environment variable of a key: HANDOVER_SLACK_BOT_TOKEN of `slack.bot_token`."""
    return "HANDOVER_" + whole.upper().replace(".", "_").replace("-", "_")


def _hint(whole: str) -> str:
    return _("Use --set {key}=VALUE, or the variable {variable}. Write a secret as env:NAME or file:/path.").format(
        key=whole, variable=variable(whole)
    )


def _read(key: Key, text: str) -> Any:
    """Return an answer as the model's input, or None for the default."""
    text = text.strip()
    if not text:
        return None
    if key.secret:
        return text if text.startswith(("env:", "file:")) else SecretStr(text)
    return [part.strip() for part in text.strip("[]").split(",") if part.strip()] if key.many else text


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or "." not in key:
        raise CommandError(
            _("--set {text!r} is not KEY=VALUE.").format(text=key), _("Write it as --set company.name=Northwind.")
        )
    return key.strip(), value
