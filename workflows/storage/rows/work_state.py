"""States of a piece of work, and the columns that rows of a case and rows of work share."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field

from workflows.storage.rows.table import Table, utc_column


class WorkState(StrEnum):
    """State of a piece of work. `due` rows are handed to the engine once `due_at` has come."""

    PLANNED = "planned"
    DUE = "due"
    DONE = "done"
    CANCELLED = "cancelled"


class CaseRow(Table):
    """Row that belongs to one case."""

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)


class WorkRow(Table):
    """Row that is handed to the engine once `due_at` has come, under the id `task:row:attempt`."""

    id: str = Field(primary_key=True)
    state: str = Field(default=WorkState.PLANNED, index=True)
    due_at: datetime = utc_column()
    attempt: int = 0


class CaseWork(WorkRow):
    """Piece of work that belongs to one case."""

    case_id: str = Field(foreign_key="case_.id", index=True)
