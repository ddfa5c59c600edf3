from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field

from workflows.storage.rows.table import identifier_column, utc_column
from workflows.storage.rows.work_state import CaseRow, CaseWork


class StagePhase(StrEnum):
    """Phases of a stage: its acts are done, or undone after the case was undone or cancelled."""

    RUN = "run"
    UNDO = "undo"


class Stage(CaseWork, table=True):
    """One stage of a case. `due_at`: the time of the next try. Its id is `case:name`."""

    name: str
    """`at_notice`, `last_day`, or `day_N`."""
    acts: str
    """Names of its acts as a JSON list, in the order in which they are done."""
    planned_at: datetime = utc_column()
    """The stage's own time, which a person can move."""
    moved: bool = False
    """True if a person chose the time. It then stays as the case is rescheduled."""
    phase: str = StagePhase.RUN
    begun_at: datetime | None = utc_column(default=None)
    """Time of the first try. An undo looks at no stage without it."""
    done_at: datetime | None = utc_column(default=None)
    """Time at which the acts, or their undo, were complete."""
    asked_by: str = identifier_column("actor", default="")
    """The last person who had it run now."""
    skipped_at: datetime | None = utc_column(default=None)
    skipped_by: str = identifier_column("actor", default="")
    sealed: bytes = b""
    """Sealed `stages.record.StageData`: results by act and system, and why it was skipped."""


class LegalHold(CaseRow, table=True):
    """Legal hold on a person's data: no act that destroys anything is done while it is open."""

    __table_args__ = (
        sa.Index(
            "one_open_hold_a_case",
            "case_id",
            unique=True,
            sqlite_where=sa.text("ended_at is null"),
            postgresql_where=sa.text("ended_at is null"),
        ),
    )
    id: str = Field(primary_key=True)
    """`case:number`."""
    person_key: str = Field(index=True)
    """The case's `leaver_key`: the hold counts for every case of the person."""
    set_at: datetime = utc_column()
    set_by: str = identifier_column("actor")
    ended_at: datetime | None = utc_column(default=None)
    ended_by: str = identifier_column("actor", default="")
    sealed: bytes
    """Sealed `legal_holds.HoldData`: names and reasons."""
