from datetime import datetime

from sqlmodel import Field

from workflows.storage.rows.table import Table, utc_column


class Enrolment(Table, table=True):
    """One person's one-time codes: the sealed secret, the last code used, the wrong codes since."""

    id: str = Field(primary_key=True)
    """Keyed hash of the actor's id."""
    wrapped_key: bytes = b""
    sealed: bytes = b""
    """Secret, name and address of the confirmed enrolment; empty before the first code."""
    offered: bytes = b""
    """The same of an enrolment that waits for its first code."""
    enrolled_at: datetime | None = utc_column(default=None)
    last_step: int = 0
    """Number of the period of the last accepted code. No code of this or an earlier period is accepted again."""
    failures: int = 0
    """Wrong codes since the last right one."""
    locked_until: datetime | None = utc_column(default=None)
