from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field

from workflows.storage.rows.table import Table, utc_column


class MessageKind(StrEnum):
    """What a post shows; `bot.slack.messages` has one builder for each."""

    CASE = "case"
    PROPOSAL = "proposal"
    OUTCOME = "outcome"
    EXPORTS = "exports"
    FOLLOW_UP = "follow_up"
    AUDIT = "audit"
    MANUAL = "manual"
    HELD = "held"
    ESCALATION = "escalation"
    NOTE = "note"
    RETURN = "return"
    AUDIT_FILE = "audit_file"
    NOTE_FILE = "note_file"


FILES = {MessageKind.AUDIT: MessageKind.AUDIT_FILE, MessageKind.NOTE: MessageKind.NOTE_FILE}
"""The kind of the file that goes into the thread of a message of some kinds."""
BEHIND = sa.text("shown_version < wanted_version")


class OutboxMessage(Table, table=True):
    """A message, or a file in a message's thread, due while `shown_version` is behind `wanted_version`.

    A message is kept up to date in place. A file is sent once for each message that it belongs to.
    """

    __table_args__ = (
        sa.Index("outbox_behind", "id", sqlite_where=BEHIND, postgresql_where=BEHIND),
        sa.Index("outbox_subject", "kind", "subject"),
        sa.Index("outbox_shown_at", "kind", "shown_at"),
    )
    id: str = Field(primary_key=True)
    kind: str
    subject: str
    """Id of the row that the post shows."""
    case_id: str = Field(default="", index=True)
    channel: str
    """A channel's or a person's id; after the first delivery the conversation that it went to."""
    thread_parent_id: str = ""
    """Id of the post in whose thread this one stands, or empty."""
    ts: str = ""
    wanted_version: int = 1
    shown_version: int = 0
    shown_at: datetime | None = utc_column(default=None)
    """When it was last brought up to date."""
    next_try_at: datetime | None = utc_column(default=None)
    problem: str = ""
    claimed_by: str = ""
    """The process that is showing it just now, or empty."""
    claimed_until: datetime | None = utc_column(default=None)
    """By the database's clock; a claim that is older binds nobody."""
    send_attempts: int = 0
    """How often somebody set out to show it while it had no message: after the first, one may be there all the same."""
