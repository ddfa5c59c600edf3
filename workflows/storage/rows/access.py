from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field

from workflows.storage.rows.table import Table, utc_column
from workflows.storage.rows.work_state import WorkState


class RestrictionPhase(StrEnum):
    """Phases of a restriction: groups are removed, or given back after the case was cancelled."""

    RESTRICT = "restrict"
    LIFT = "lift"


class Access(Table, table=True):
    """Locking one leaver out of one system: the unit of work of the access track."""

    __table_args__ = (sa.Index("access_sweep", "system", "verdict", "id"),)
    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    system: str
    state: str = Field(default=WorkState.PLANNED, index=True)
    due_at: datetime = utc_column()
    attempt: int = 0
    verdict: str = "unknown"
    note: bytes = b""
    """Sealed `notes.Note`: why, and how that is known."""
    read_at: datetime | None = utc_column(default=None)
    locked_at: datetime | None = utc_column(default=None)
    """When a read first showed the lock-out complete."""
    late: str = ""
    """How long after it was due the work began, and why, where that was more than minutes."""


class LeaverAccount(Table, table=True):
    """One account of a leaver. The first before-image is kept for good: it is what an undo restores."""

    __table_args__ = (
        sa.Index("account_sweep", "system", "account_id"),
        # All that a sweep reads stands in the index: a page costs no look at the rows themselves.
        sa.Index("account_pages", "system", "id", "account_id", "verdict", "case_id"),
    )
    id: str = Field(primary_key=True)
    access_id: str = Field(foreign_key="access.id", index=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    system: str
    account_id: str
    verdict: str = "unknown"
    note: bytes = b""
    read_at: datetime | None = utc_column(default=None)
    sealed: bytes
    """Login, match, before-image, and what was done to the account."""


class ManualStep(Table, table=True):
    """What a person does for one leaver in a system without an API. `due_at`: when the clock looks at it next."""

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    system: str
    state: str = Field(default=WorkState.PLANNED, index=True)
    due_at: datetime = utc_column()
    attempt: int = 0
    round: int = 1
    """How often it has been asked for from the start: once for the case, then again at the set interval."""
    asked_at: datetime | None = utc_column(default=None)
    """When this round was first asked."""
    deadline: datetime | None = utc_column(default=None)
    escalated_at: datetime | None = utc_column(default=None)
    confirmed_at: datetime | None = utc_column(default=None)
    """Answers this round where it is not before `asked_at`."""
    confirmed_by: str = ""
    sealed: bytes = b""
    """`steps.StepData`: who was asked, who confirmed, note, proof, what is in the way."""
    proof: bytes = b""
    """Sealed content of a small file handed in at the command line."""


class Restoration(Table, table=True):
    """Giving one leaver's access to one system back: the unit of work of an undo. Its id is the `Access` row's."""

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    system: str
    state: str = Field(default=WorkState.DUE, index=True)
    due_at: datetime = utc_column()
    attempt: int = 0
    done_at: datetime | None = utc_column(default=None)
    sealed: bytes = b""
    """What came back per account, what cannot, and what is still to do."""


class Restriction(Table, table=True):
    """Taking one leaver out of named groups of one system before the lock-out. Its id is the `Access` row's."""

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_.id", index=True)
    system: str
    state: str = Field(default=WorkState.PLANNED, index=True)
    due_at: datetime = utc_column()
    attempt: int = 0
    phase: str = RestrictionPhase.RESTRICT
    done_at: datetime | None = utc_column(default=None)
    """When a read last showed this phase complete."""
    sealed: bytes = b""
    """`restriction.RestrictionData`: which groups of which accounts, and what is in the way."""


class Clearance(Table, table=True):
    """An administrator's account that may be locked, because others remained: those cleared remain for nobody else."""

    id: str = Field(primary_key=True)
    """`system:account`."""
    system: str = Field(index=True)
    account_id: str
    case_id: str = Field(foreign_key="case_.id", index=True)
    at: datetime = utc_column()


class AccountLink(Table, table=True):
    """A person's word that an account is somebody's, or (no account) that they have none in that system."""

    __table_args__ = (sa.UniqueConstraint("person_key", "system", "account_id"),)
    id: str = Field(primary_key=True)
    person_key: str = Field(index=True)
    """The case's `leaver_key`: later cases of the same person find it."""
    system: str
    account_id: str = ""
    by: str
    at: datetime = utc_column()
    wrapped_key: bytes
    sealed: bytes
    """The account's log-in."""
