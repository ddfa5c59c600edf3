"""States of a piece of work."""

from enum import StrEnum


class WorkState(StrEnum):
    """State of a piece of work. `due` rows are handed to the engine once `due_at` has come."""

    PLANNED = "planned"
    DUE = "due"
    DONE = "done"
    CANCELLED = "cancelled"
