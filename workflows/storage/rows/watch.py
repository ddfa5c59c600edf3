from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field

from config.text import N_
from workflows.storage.rows.table import Table, identifier_column, utc_column
from workflows.storage.rows.work_state import CaseWork, WorkRow, WorkState


class SnapshotOccasion(StrEnum):
    """Occasions of an export snapshot; the others are the days of the follow-ups, `day N`."""

    NOTICE = "notice"
    LOCK = "lock"

    @staticmethod
    def day(number: int) -> str:
        """Return the occasion of a follow-up so many days after the lock-out."""
        return f"day {number}"


class ExportSnapshot(CaseWork, table=True):
    """Exports of the leaver, as the systems' own logs showed them at one moment."""

    occasion: str
    """A `SnapshotOccasion`, or `day N` of a follow-up."""
    taken_at: datetime | None = utc_column(default=None)
    pseudonym: str
    sealed: bytes = b""


class FollowUp(CaseWork, table=True):
    """A dated check of one case."""

    __table_args__ = (sa.Index("follow_up_done_at", "done_at"),)
    day: int
    done_at: datetime | None = utc_column(default=None)
    sealed: bytes = b""
    """Results, one sentence per system."""


class AuditRun(WorkRow, table=True):
    """Daily check of every past leaver in every system. Its key allows one a day, across replicas."""

    __table_args__ = (sa.Index("audit_run_finished_at", "finished_at"),)
    id: str = Field(primary_key=True)
    """`audit-YYYY-MM-DD` in the company's time zone."""
    state: str = Field(default=WorkState.DUE, index=True)
    started_at: datetime | None = utc_column(default=None)
    finished_at: datetime | None = utc_column(default=None)
    result: str = "{}"


class FindingKind(StrEnum):
    """Kinds of finding, worst first."""

    CODES_RESET = N_("one-time codes reset")
    CODES_GUESSED = N_("one-time codes guessed")
    TAMPERED = N_("changed in the database")
    PROTECTED = N_("protected")
    OPEN_AGAIN = N_("open again")
    NOT_DELIVERED = N_("message not delivered")
    MEMBERS_LOST = N_("others lost a group")
    CHANGED_MEANWHILE = N_("changed meanwhile")
    NOT_LINKED = N_("not linked")
    NEW_ACCOUNT = N_("new account")
    POSSIBLE = N_("possible account")
    ORPHAN = N_("orphan")
    ADDRESS_REUSED = N_("address reused")
    EXPORTED = N_("exported after leaving")
    OWNS_RECORDS = N_("owns records")
    DUTY_LEFT = N_("duty left")
    DUTY_UNDECIDED = N_("duty undecided")
    LIST_HIDDEN = N_("list not seen")
    LICENCE_HELD = N_("licence held again")
    STAGE_NOT_DONE = N_("stage not done")
    NEVER_VERIFIED = N_("never verified")
    NOT_VERIFIED = N_("not verified")
    DORMANT = N_("dormant")


class Finding(Table, table=True):
    """State that a person must act on; opened once, closed once."""

    __table_args__ = (
        sa.Index(
            "one_open_finding",
            "key",
            unique=True,
            sqlite_where=sa.text("closed_at is null"),
            postgresql_where=sa.text("closed_at is null"),
        ),
        sa.Index(
            "open_findings",
            "system",
            "kind",
            sqlite_where=sa.text("closed_at is null"),
            postgresql_where=sa.text("closed_at is null"),
        ),
        sa.Index("finding_closed_at", "closed_at"),
        sa.Index(
            "relocked_findings",
            "relocked_at",
            sqlite_where=sa.text("relocked_at is not null"),
            postgresql_where=sa.text("relocked_at is not null"),
        ),
    )
    id: str = Field(primary_key=True)
    key: str = identifier_column("finding", index=True)
    """Key that identifies the same finding tomorrow: `kind|case|system|account`."""
    case_id: str | None = Field(default=None, foreign_key="case_.id", index=True)
    """Case of the finding. None: an orphan, which has a key of its own."""
    kind: str
    """A `FindingKind`."""
    system: str
    account_id: str = identifier_column("account", default="")
    first_seen: datetime = utc_column()
    last_seen: datetime = utc_column()
    seen_by: str = identifier_column("actor")
    """Audit or follow-up that saw the finding first."""
    closed_at: datetime | None = utc_column(default=None)
    closed_by: str = identifier_column("actor", default="")
    note: bytes = b""
    """Sealed `findings.FindingNote`, under the case's key or the finding's own."""
    wrapped_key: bytes = b""
    """The finding's own key if it has no case, or if the case's key does not open; else empty."""
    taken_at: datetime | None = utc_column(default=None)
    taken_by: str = identifier_column("actor", default="")
    accepted_until: datetime | None = utc_column(default=None)
    """End of the acceptance. Until then the finding is listed apart; afterwards it is open as before."""
    accepted_by: str = identifier_column("actor", default="")
    escalated_at: datetime | None = utc_column(default=None)
    """Time of the message to administrators and security, sent because nobody had taken the finding."""
    relocked_at: datetime | None = utc_column(default=None)
    """Time of the bot's last lock of the account, by policy."""


class SweepStatus(Table, table=True):
    """Last sweep of one system, for all its accounts at once.

    A sweep writes an account's own row only after a change: an account that was read unchanged was read at `read_at`.
    """

    system: str = Field(primary_key=True)
    read_at: datetime | None = utc_column(default=None)
    """Start of the last sweep that read every account."""
    failed_at: datetime | None = utc_column(default=None)
    """Start of an incomplete sweep, until a complete one follows. No older read counts as known."""
    problem: str = ""
