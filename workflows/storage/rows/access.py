from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field

from workflows.storage.rows.table import Table, identifier_column, utc_column
from workflows.storage.rows.work_state import CaseRow, CaseWork, WorkState

ACCOUNT, ACCOUNT_ROW = "account", "account row"
"""Purposes of keys: ids of accounts, and of rows about them."""


class RestrictionPhase(StrEnum):
    """Phases of a restriction: groups are removed, or given back after the case was cancelled."""

    RESTRICT = "restrict"
    LIFT = "lift"


class Access(CaseWork, table=True):
    """Lock-out of one leaver in one system: the unit of work of the access track."""

    __table_args__ = (
        sa.Index("access_sweep", "system", "verdict", "id"),
        sa.Index("access_recent", "system", "locked_at"),
    )
    system: str
    verdict: str = "unknown"
    note: bytes = b""
    """Sealed `account_state.VerdictNote`: the reason, and how that is known."""
    read_at: datetime | None = utc_column(default=None)
    locked_at: datetime | None = utc_column(default=None)
    """Time of the first read that showed the lock-out complete."""
    late: str = ""
    """Delay of the work, and its reason, if it was more than minutes."""


class LeaverAccount(CaseRow, table=True):
    """One account of a leaver. The first before-image is kept for good: an undo restores it."""

    __table_args__ = (
        sa.Index("account_sweep", "system", "account_id"),
        sa.Index("account_verdicts", "system", "verdict", "access_id"),
        # The index holds every column that a sweep reads, so that a page reads no rows.
        sa.Index("account_pages", "system", "id", "account_id", "verdict", "case_id"),
    )
    id: str = identifier_column(ACCOUNT_ROW, primary_key=True)
    """`case:system:account`."""
    access_id: str = Field(foreign_key="access.id", index=True)
    system: str
    account_id: str = identifier_column(ACCOUNT)
    verdict: str = "unknown"
    note: bytes = b""
    read_at: datetime | None = utc_column(default=None)
    sealed: bytes
    """Login, match, before-image, and what was done to the account."""


class StagedAccount(CaseRow, table=True):
    """One account of a leaver as stages change it: its seats before and after, and its deactivation."""

    id: str = identifier_column(ACCOUNT_ROW, primary_key=True)
    """`case:system:account`, as of the account itself. Seats are kept at notice, before that row is there."""
    system: str
    account_id: str = identifier_column(ACCOUNT)
    sealed: bytes = b""
    """Sealed `staged_account.StagedData`."""


class ManualStep(CaseWork, table=True):
    """Manual step for one leaver in a system without an API. `due_at`: the time of the next check."""

    system: str
    round: int = 1
    """Number of the round: one for the case, then another after each set interval."""
    asked_at: datetime | None = utc_column(default=None)
    """Time of this round's first request."""
    deadline: datetime | None = utc_column(default=None)
    escalated_at: datetime | None = utc_column(default=None)
    confirmed_at: datetime | None = utc_column(default=None)
    """Time of the last confirmation. It belongs to this round if it is not before `asked_at`."""
    confirmed_by: str = identifier_column("actor", default="")
    sealed: bytes = b""
    """Sealed `manual_step.StepData`: the people asked, the confirmer, note, proof and problem."""
    proof: bytes = b""
    """Sealed content of a small file handed in at the command line."""


class Restoration(CaseWork, table=True):
    """Restoration of one leaver's access to one system: the unit of work of an undo. Its id is the `Access` row's."""

    system: str
    state: str = Field(default=WorkState.DUE, index=True)
    done_at: datetime | None = utc_column(default=None)
    sealed: bytes = b""
    """Access restored per account, access lost for good, and work still to do."""


class Restriction(CaseWork, table=True):
    """Removal of one leaver from named groups of one system before the lock-out. Its id is the `Access` row's."""

    system: str
    phase: str = RestrictionPhase.RESTRICT
    done_at: datetime | None = utc_column(default=None)
    """Time of the last read that showed this phase complete."""
    sealed: bytes = b""
    """Sealed `restriction.RestrictionData`: groups by account, and the problem."""


class Inventory(CaseWork, table=True):
    """Accounts that one system showed at notice, to be read by id at execution. Its id is the `Access` row's."""

    system: str
    done_at: datetime | None = utc_column(default=None)
    sealed: bytes = b""
    """Sealed `accounts.KeptAccounts`."""


class Clearance(CaseRow, table=True):
    """Administrator's account that may be locked, because others remain.

    A cleared account no longer counts as remaining.
    """

    id: str = Field(primary_key=True)
    """Keyed hash of case, system and account; any other counts for nothing."""
    system: str = Field(index=True)
    account_id: str = identifier_column(ACCOUNT)
    at: datetime = utc_column()


class AccountLink(Table, table=True):
    """Statement of a person that an account is somebody's, or, without an account, that they have none there."""

    __table_args__ = (sa.UniqueConstraint("person_key", "system", "account_id"),)
    id: str = Field(primary_key=True)
    person_key: str = Field(index=True)
    """The case's `leaver_key`: later cases of the same person find it."""
    system: str
    account_id: str = identifier_column(ACCOUNT, default="")
    by: str = identifier_column("actor")
    at: datetime = utc_column()
    wrapped_key: bytes
    sealed: bytes
    """The account's log-in; without an account, the statement (`links.NoAccount`)."""
