from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from workflows.storage.rows.work_state import Moment


class PostKind(StrEnum):
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


class Post(SQLModel, table=True):
    """Something that people are shown, kept up to date in place: due while `shown` is behind `wanted`."""

    id: str = Field(primary_key=True)
    kind: str
    subject: str
    """Id of the row that the post shows."""
    case_id: str = ""
    channel: str
    """A channel's or a person's id; after the first delivery the conversation that it went to."""
    thread_of: str = ""
    """Id of the post in whose thread this one stands, or empty."""
    ts: str = ""
    wanted: int = 1
    shown: int = 0
    next_try_at: datetime | None = Moment(default=None)
    problem: str = ""
    claimed_by: str = ""
    """The process that is showing it just now, or empty."""
    claimed_until: datetime | None = Moment(default=None)
    """By the database's clock; a claim that is older binds nobody."""
    tries: int = 0
    """How often somebody set out to show it while it had no message: after the first, one may be there all the same."""
