"""Checks of answers during `handover init`, right after each answer."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from bot.cli.checks import systems
from bot.cli.checks.result import Check
from bot.cli.command_errors import EXIT_FAILURE, CommandError
from bot.cli.doctor import examine
from bot.cli.output import warn
from bot.cli.questions import Answers
from bot.text import _
from config.settings import Company, Settings, SystemSettings

SECONDS = 10.0


class AnswerChecks:
    """Checks on answers. After a failure the person may answer again. Without a person, nothing is written."""

    def __init__(self, answers: Answers, *, unchecked: bool) -> None:
        self._answers = answers
        self._unchecked = unchecked

    def passes(self, checks: Sequence[Check]) -> bool:
        """Print the results, and return whether to continue. Raises `CommandError` where no person can be asked."""
        results = examine(checks, SECONDS)
        for result in results:
            warn(("  ✓ " if result.ok else "  ✗ ") + f"{result.what}: {result.said} {result.todo}".rstrip())
        if all(result.ok for result in results) or self._unchecked:
            return True
        if not self._answers.interactive:
            raise CommandError(
                _("A check failed, so nothing was written."),
                _("Correct the answer, or add --unchecked to write the file anyway."),
                EXIT_FAILURE,
            )
        return not self._answers.agree(_("Answer again?"), default=True)


def system_checks(wired: Any, name: str, kind: str, settings: BaseModel) -> Sequence[Check]:
    """Return the checks of one system that is not configured yet."""
    table = SystemSettings(kind=kind, settings=settings)
    settled = Settings.model_construct(company=Company.model_construct(directory=name), systems={name: table})
    built = wired.build_systems(settled)
    return systems.checks(built)
