from datetime import datetime
from enum import StrEnum

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


class OutboxMessage(Table, table=True):
    """Something that people are shown, kept up to date in place: due while `shown` is behind `wanted`."""

    id: str = Field(primary_key=True)
    kind: str
    subject: str
    """Id of the row that the post shows."""
    case_id: str = ""
    channel: str
    """A channel's or a person's id; after the first delivery the conversation that it went to."""
    thread_parent_id: str = ""
    """Id of the post in whose thread this one stands, or empty."""
    ts: str = ""
    wanted_version: int = 1
    shown_version: int = 0
    next_try_at: datetime | None = utc_column(default=None)
    problem: str = ""
    claimed_by: str = ""
    """The process that is showing it just now, or empty."""
    claimed_until: datetime | None = utc_column(default=None)
    """By the database's clock; a claim that is older binds nobody."""
    send_attempts: int = 0
    """How often somebody set out to show it while it had no message: after the first, one may be there all the same."""
