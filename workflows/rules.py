"""The company's policy on cases, as the settings have it."""

from dataclasses import dataclass
from enum import StrEnum


class Hold(StrEnum):
    """Why a case waits for a second person."""

    MASS = "mass"
    """More cases in an hour than the policy allows: somebody, or something, may be locking out a whole company."""
    IMMEDIATE = "immediate"
    """The policy wants two people behind a lock-out that takes effect at once."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits that fail closed."""

    undo_days: int = 30
    mass_cases_per_hour: int = 10
    immediate_needs_second: bool = False
    hold_channel: str = ""
    """Channel that is told of a held case; empty: only the command line shows it."""
