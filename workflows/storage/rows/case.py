from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field

from config.text import N_
from workflows.storage.rows.table import Table, identifier_column, utc_column


class CaseState(StrEnum):
    """State of a case. `scheduled`, `running` and `held` are open: at most one such case per person.

    `held`: nothing is done until a second person releases the case. `undone`: access was restored. `closed`: nobody to
    watch any more, such as a person who was hired again. `on leave`: clients are handed over for a time, access stays.
    `earlier leavers`: no leaver, only the clients of inactive owners without a case (docs/decisions/0023).
    """

    SCHEDULED = N_("scheduled")
    RUNNING = N_("running")
    WATCHED = N_("watched")
    CANCELLED = N_("cancelled")
    HELD = N_("held")
    UNDONE = N_("undone")
    CLOSED = N_("closed")
    ON_LEAVE = N_("on leave")
    EARLIER = N_("earlier leavers")


class Reason(StrEnum):
    """Reason why the person leaves, as given by HR."""

    RESIGNATION = "resignation"
    DISMISSAL = "dismissal"
    END_OF_CONTRACT = "end of contract"
    RETIREMENT = "retirement"
    SUSPECTED_THEFT = "suspected theft"
    LEAVE = "leave"
    OTHER = "other"


class Strategy(StrEnum):
    """Strategy by which a client book is split."""

    SINGLE = "single"
    ROUND_ROBIN = "round_robin"
    BALANCED = "balanced"
    AFFINITY = "affinity"
    RULES = "rules"


class Case(Table, table=True):
    """One leaver's offboarding."""

    __tablename__ = "case_"
    __table_args__ = (
        sa.Index("case_past", "state", "effective_at"),
        sa.Index(
            "one_open_case_a_person",
            "leaver_key",
            unique=True,
            sqlite_where=sa.text("state in ('scheduled', 'running', 'held')"),
            postgresql_where=sa.text("state in ('scheduled', 'running', 'held')"),
        ),
        sa.Index(
            "one_open_case_an_address",
            "mail_key",
            unique=True,
            sqlite_where=sa.text("state in ('scheduled', 'running', 'held')"),
            postgresql_where=sa.text("state in ('scheduled', 'running', 'held')"),
        ),
    )
    id: str = Field(primary_key=True)
    leaver_key: str = Field(index=True)
    """Keyed hash of the stable id in the company's directory, or of the address if that id is not known."""
    mail_key: str = Field(index=True)
    """Keyed hash of the address that the case was opened with. All addresses are in `CaseName`."""
    slack_key: str = Field(default="", index=True)
    """Keyed hash of the leaver's Slack id."""
    state: str = Field(index=True)
    immediate: bool
    effective_at: datetime = utc_column()
    opened_at: datetime = utc_column()
    opened_by: str = identifier_column("actor")
    approver: str = identifier_column("actor")
    strategy: str
    reason: str
    wrapped_key: bytes
    sealed: bytes
    """Sealed `case.CaseData`: the leaver, the successors and other people."""
    hold_reason: str = ""
    """A `HoldReason`, or empty."""


class CaseName(Table, table=True):
    """Keyed hash of one address, log-in or number of a case's leaver. The case is found by each that it ever had."""

    case_id: str = Field(foreign_key="case_.id", primary_key=True)
    key: str = Field(primary_key=True, index=True)


class Headcount(Table, table=True):
    """Number of people in a system at the last read."""

    system: str = Field(primary_key=True)
    number: int
    read_at: datetime = utc_column()


class HoldReason(StrEnum):
    """Reason why a case waits for a second person."""

    MASS = "mass"
    """More cases in an hour than the policy allows: somebody, or a fault, may be locking out a whole company."""
    SHARE = "share"
    """More cases within a day than the policy's share of the directory, or the size of the directory is not known."""
    IMMEDIATE = "immediate"
    """The policy requires two people for a lock-out that takes effect at once."""
