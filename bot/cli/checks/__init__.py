"""Checks of `handover doctor`, and their results."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of `handover doctor`. `todo` is the remedy of a fault."""

    what: str
    ok: bool
    said: str
    todo: str = ""
    unseen: bool = False
    """True if it is no fault, and cannot be called good: something may be there that cannot be seen."""
    cause: str = ""
    """Kind of answer in the settings that would mend the fault: `credential`, `certificate`, or not known."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check. It may have several results, and may raise."""

    what: str
    look: Callable[[], list[CheckResult]]
