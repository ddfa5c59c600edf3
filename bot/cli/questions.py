"""Answers for `handover init`, from options, the environment, or the person at the terminal, and their checks."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel, SecretStr, ValidationError

from bot.cli.checks import Check, CheckResult
from bot.cli.configuration_draft import write_private
from bot.cli.doctor import examine
from bot.cli.output import EXIT_FAILURE, CommandError, warn
from bot.text import _, punctuated
from config.faults import describe
from config.reference import Key, keys

REFERENCES = ("env:", "file:")
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
        self._kept: dict[str, str] = {}
        self._draft: Path | None = None

    def resume(self, draft: Path) -> None:
        """Keep each typed answer in a file from now on, except for secrets in clear, and offer those that are in it."""
        if not self.interactive:
            return
        self._draft = draft
        if draft.exists():
            question = _("{path} has answers of an earlier run. Go on with them?").format(path=draft)
            if self.agree(question, default=True):
                self._kept = _answers(draft)

    def end(self) -> None:
        """Delete the file of kept answers."""
        if self._draft:
            self._draft.unlink(missing_ok=True)

    def _keep(self, whole: str, answer: str) -> None:
        if self._draft and whole:
            self._kept[whole] = answer
            write_private(self._draft, json.dumps(self._kept, ensure_ascii=False, indent=2) + "\n")

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

    def text(self, whole: str, question: str, default: str = "", *, optional: bool = False) -> str:
        """Return one answer that decides on the next questions. `optional`: it may be empty."""
        known = self.given(whole)
        if known is not None or not self.interactive:
            return known or default
        given = default if optional else default or None
        answer = str(typer.prompt(question, default=given, show_default=bool(default), err=True)).strip()
        self._keep(whole, answer)
        return answer

    def agree(self, question: str, *, default: bool) -> bool:
        """Return the yes or no of the person at the terminal. Without a person: no."""
        return self.interactive and typer.confirm(question, default=default, err=True)

    def pass_checks(self, checks: Sequence[Check]) -> bool:
        """Print the results of checks on answers, and return whether to continue. False: ask again.

        Raises `CommandError` after a failure where no person can be asked.
        """
        return not self.faults(checks) or self.go_on()

    def faults(self, checks: Sequence[Check]) -> list[CheckResult]:
        """Print the results of checks on answers, and return the faults; none if they are to be ignored."""
        results = examine(checks, CHECK_SECONDS)
        for result in results:
            mark = "  ⚠ " if result.unseen else "  ✓ " if result.ok else "  ✗ "
            said = punctuated("{what}: {said}").format(what=result.what, said=result.said)
            warn(mark + said + (f"\n    {result.todo}" if result.todo else ""))
        return [] if self._unchecked else [result for result in results if not result.ok]

    def go_on(self) -> bool:
        """Return whether to go on in spite of a fault. Raises `CommandError` where no person can be asked."""
        if not self.interactive:
            raise CommandError(
                _("A check failed, so nothing was written."),
                _("Correct the answer, or add --unchecked to write the file anyway."),
                EXIT_FAILURE,
            )
        return not self.agree(_("Answer again?"), default=True)

    def keep_both(self) -> bool:
        """Return whether a system that seems to be another one is kept. Raises `CommandError` as `go_on` does."""
        if self._unchecked:
            return True
        if not self.interactive:
            raise CommandError(
                _("One system is configured twice, so nothing was written."),
                _("Leave one of them out, or add --unchecked to keep both."),
                EXIT_FAILURE,
            )
        return self.agree(_("Keep both?"), default=False)

    def names(self, table: str) -> list[str]:
        """Return the names of the tables `[TABLE.NAME]` in `--set`, in their order."""
        known = (*self._given, *self._kept)
        return list(dict.fromkeys(key.split(".")[1] for key in known if key.startswith(f"{table}.")))

    def forget(self, prefix: str) -> None:
        """Ask for these keys from now on, even if they were given."""
        self._forgotten.add(prefix)
        self._kept = {key: answer for key, answer in self._kept.items() if not _within(key, prefix)}

    def drop(self, table: str) -> None:
        """Leave a whole table out."""
        self._used |= {key for key in self._given if _within(key, table)}
        self.forget(table)

    def refuse(self, faults: Sequence[str]) -> None:
        """Print faults of answers. Raises `CommandError` where no person can be asked."""
        if not self.interactive:
            raise CommandError("\n  ".join([_("Invalid answers:"), *faults]), _hint(faults[0].partition(":")[0]))
        for fault in faults:
            warn(f"  ✗ {fault}")

    def _answer(self, whole: str, key: Key) -> Any:
        known = self.given(whole)
        if known is None:
            if not self.interactive:
                return None
            answer = self._ask(whole, key)
            if not key.secret or answer.startswith(REFERENCES):
                self._keep(whole, answer)
            return _read(key, answer)
        return f"env:{variable(whole)}" if key.secret and whole not in self._given else _read(key, known)

    def unused(self) -> list[str]:
        """Return the given keys that no question needed: misspelt ones."""
        return sorted(self._given.keys() - self._used)

    def given(self, whole: str) -> str | None:
        """Return the answer that was given without asking, or None."""
        self._used.add(whole)
        if whole in self._kept:
            return self._kept[whole]
        if any(_within(whole, prefix) for prefix in self._forgotten):
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


def _within(whole: str, prefix: str) -> bool:
    return whole == prefix or whole.startswith(f"{prefix}.")


def _answers(draft: Path) -> dict[str, str]:
    """Return the answers in a draft. Raises `CommandError` for a file that is none."""
    try:
        found = json.loads(draft.read_text(encoding="utf-8"))
        return {str(key): str(answer) for key, answer in found.items()}
    except (OSError, ValueError, AttributeError) as error:
        said = _("{path} cannot be read: {why}.").format(path=draft, why=getattr(error, "strerror", "") or error)
        raise CommandError(said, _("Delete it to begin anew.")) from error


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
        return text if text.startswith(REFERENCES) else SecretStr(text)
    return [part.strip() for part in text.strip("[]").split(",") if part.strip()] if key.many else text


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or "." not in key:
        raise CommandError(
            _("--set {text!r} is not KEY=VALUE.").format(text=key), _("Write it as --set company.name=Northwind.")
        )
    return key.strip(), value
