"""The rows: every wish and every result, written with its journal entry in one transaction.

Personal and client data stand only in `sealed` columns, encrypted under the case's own key (`workflows.storage.vault`).
All datetimes are stored as UTC. States are words of the glossary; a row that is `due` is work that the clock hands out.
Long because it is the one list of all rows; what they have in common as work is in `workflows.storage.work`.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field


class UtcDateTime(sa.TypeDecorator[datetime]):
    """Aware UTC datetimes on every database; SQLite would drop the zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Refuse a naive datetime: it would be read back as another moment."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002
        """Give the zone back."""
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


def Moment(**kwargs: Any) -> Any:  # noqa: N802 - reads as a type in the rows below
    """Make a column that holds an aware UTC datetime."""
    return Field(sa_type=UtcDateTime, **kwargs)


class WorkState(StrEnum):
    """Where a piece of work stands. `due` rows are handed to the engine once `due_at` has come."""

    PLANNED = "planned"
    DUE = "due"
    DONE = "done"
    CANCELLED = "cancelled"
