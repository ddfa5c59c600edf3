from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field

from workflows.storage.rows.table import Table, identifier_column, utc_column


class MessageKind(StrEnum):
    """Content of a message; `bot.slack.messages` has one builder for each kind."""

    CASE = "case"
    PROPOSAL = "proposal"
    OUTCOME = "outcome"
    EXPORTS = "exports"
    FOLLOW_UP = "follow_up"
    AUDIT = "audit"
    MANUAL = "manual"
    HELD = "held"
    ESCALATION = "escalation"
    ALARM = "alarm"
    NOTE = "note"
    RETURN = "return"
    LOCKOUT_FAILED = "lockout_failed"
    LOCKOUT_ENDED = "lockout_ended"
    JOINED = "joined"
    BUNDLE = "bundle"
    CLIENTS = "clients"
    RESTORED = "restored"
    NEWS = "news"
    FINDINGS = "findings"
    DUTIES = "duties"
    AUDIT_FILE = "audit_file"
    NOTE_FILE = "note_file"
    STAYED = "stayed"
    UNMARKED = "unmarked"


FILES = {MessageKind.AUDIT: MessageKind.AUDIT_FILE, MessageKind.NOTE: MessageKind.NOTE_FILE}
"""Kind of the file in a message's thread, by the kind of the message."""
WITHDRAWN = "withdrawn"
"""In place of the time of delivery: the message is not sent any more, as a newer one has made it untrue."""
AT = "@"
"""Separates, in a message's subject, what it shows from whom it is for."""
BEHIND = sa.text("shown_version < wanted_version")


class OutboxMessage(Table, table=True):
    """Message, or file in a message's thread, due while `shown_version` is behind `wanted_version`.

    A message is updated in place. A file is sent once for each message that it belongs to.
    """

    __table_args__ = (
        sa.Index("outbox_behind", "id", sqlite_where=BEHIND, postgresql_where=BEHIND),
        sa.Index("outbox_subject", "kind", "subject"),
        sa.Index("outbox_shown_at", "kind", "shown_at"),
    )
    id: str = identifier_column("message", after=":", primary_key=True)
    kind: str
    subject: str = identifier_column("subject", after="@|")
    """Id of the row that the message shows; after it, a person."""
    case_id: str = Field(default="", index=True)
    channel: str = identifier_column("place")
    """Id of a channel or a person; after the first delivery, of the conversation that received the message."""
    recipient: str = identifier_column("place", default="")
    """Id of the person whom the first delivery reached; empty for a channel."""
    thread_parent_id: str = identifier_column("message", after=":", default="")
    """Id of the message whose thread holds this one, or empty."""
    ts: str = ""
    wanted_version: int = 1
    shown_version: int = 0
    shown_at: datetime | None = utc_column(default=None)
    """Time of the last delivery."""
    next_try_at: datetime | None = utc_column(default=None)
    problem: str = identifier_column("reason", default="")
    claimed_by: str = ""
    """Process that is delivering the message now, or empty."""
    claimed_until: datetime | None = utc_column(default=None)
    """End of the claim, by the database's clock."""
    send_attempts: int = 0
    """Number of deliveries begun while no message was known. After the first, a message may exist all the same."""
