"""What a check found."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of `handover doctor`. `todo` says what to do where something is not good."""

    what: str
    ok: bool
    said: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at; it may find several results, and may raise."""

    what: str
    look: Callable[[], list[CheckResult]]
