"""Rows of what becomes of a leaver's duties: a decision for each, and the question to those who decide."""

from datetime import datetime
from enum import StrEnum

from workflows.storage.rows.table import utc_column
from workflows.storage.rows.work_state import CaseWork


class DutyChoice(StrEnum):
    """Decision on one duty."""

    GIVE = "give"
    KEEP = "keep"
    STOP = "stop"


class DutyDecision(CaseWork, table=True):
    """Decision on one duty of a leaver, and the unit of work that carries it out. Its id ends with the blinded duty."""

    system: str
    decided_at: datetime | None = utc_column(default=None)
    done_at: datetime | None = utc_column(default=None)
    """Time of the last read that showed the decision carried out."""
    sealed: bytes = b""
    """Sealed `duty_rows.DecisionData`: duty, choice, successor, author, reason, before-image and result."""


class DutyReview(CaseWork, table=True):
    """Question about the duties of one leaver. Its id is the case's. `due_at`: the time of the next read."""

    asked_at: datetime | None = utc_column(default=None)
    """Time of the first request to decide."""
    reminded_at: datetime | None = utc_column(default=None)
    told_at: datetime | None = utc_column(default=None)
    """Time at which what was undecided on the last day was told."""
    sealed: bytes = b""
    """Sealed `duty_rows.ReviewData`: the last lists of each system, and what was asked about."""
