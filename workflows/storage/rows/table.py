"""The base of all tables, and the type of their datetimes.

Personal and client data stand only in `sealed` columns, encrypted under the case's own key (`workflows.storage.vault`).
All datetimes are stored as UTC.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

import sqlalchemy as sa
from sqlalchemy.orm import declared_attr
from sqlmodel import Field, SQLModel


def _table_name(cls: Any) -> Any:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


class Table(SQLModel):
    """A table named after its class: `OutboxMessage` is `outbox_message`."""

    __tablename__: ClassVar[str | Callable[..., str]] = cast("str", declared_attr(_table_name))


def table_of(model: type[Table]) -> sa.Table:
    """Return the table behind a row class, for statements that load no objects."""
    return cast("sa.Table", sa.inspect(model).local_table)


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
        """Add the time zone that SQLite dropped."""
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


def utc_column(**kwargs: Any) -> Any:
    """Make a column that holds an aware UTC datetime."""
    return Field(sa_type=UtcDateTime, **kwargs)
