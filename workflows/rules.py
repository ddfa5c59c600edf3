"""The company's policy on cases, as the settings have it."""

from dataclasses import dataclass
from enum import StrEnum


class Hold(StrEnum):
    """Why a case waits for a second person."""

    MASS = "mass"
    """More cases in an hour than the policy allows: somebody, or something, may be locking out a whole company."""
    SHARE = "share"
    """More cases within a day than the policy's share of the directory, or nobody knows how many people there are."""
    IMMEDIATE = "immediate"
    """The policy wants two people behind a lock-out that takes effect at once."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits that fail closed."""

    undo_days: int = 30
    mass_cases_per_hour: int = 10
    immediate_needs_second: bool = False
    mass_share: float = 1
    """Share of the directory's people that may have cases within a day; 1: no such limit."""
    hold_channel: str = ""
    """Channel that is told of a held case; empty: only the command line shows it."""
