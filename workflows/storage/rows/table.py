"""The base of all tables, and the type of their datetimes.

Personal and client data stand only in `sealed` columns, encrypted under the case's own key (`workflows.storage.vault`).
Identifiers by which rows are found are sealed too, in a form that the database compares. All datetimes are stored as
UTC.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

import sqlalchemy as sa
from sqlalchemy.orm import declared_attr
from sqlmodel import Field, SQLModel

from workflows.storage.vault import Vault


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


class Identifier(sa.TypeDecorator[str]):
    """A text that identifies somebody: in clear in the program, sealed in the database, where equal texts are equal.

    It is found by equality, never by order or by a part. `bind_vault` gives the engine the keys.
    """

    impl = sa.String()
    cache_ok = True

    def __init__(self, purpose: str, after: str = "") -> None:
        """`purpose`: name of the key. `after`: characters; the text up to the first of them stays in clear."""
        super().__init__()
        self.purpose, self.after = purpose, after

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        """Seal the text."""
        return seal_identifier(dialect.vault, self, value) if value else value

    def process_result_value(self, value: str | None, dialect: Any) -> str | None:
        """Return the text in clear."""
        if not value:
            return value
        head, rest = _split(value, self.after)
        vault: Vault = dialect.vault
        return head + vault.open_id(self.purpose, rest)


def seal_identifier(vault: Vault, kind: Identifier, text: str) -> str:
    """Return a text as a column of this kind holds it."""
    head, rest = _split(text, kind.after)
    return head + vault.seal_id(kind.purpose, rest)


def _split(text: str, after: str) -> tuple[str, str]:
    if not after:
        return "", text
    place = min((text.find(one) + 1 for one in after if one in text), default=len(text))
    return text[:place], text[place:]


def bind_vault(engine: sa.Engine, vault: Vault | None) -> None:
    """Give an engine the keys of its identifiers; without them, no row with an identifier is read or written."""
    cast("Any", engine.dialect).vault = vault


def identifier_column(purpose: str, *, after: str = "", **kwargs: Any) -> Any:
    """Make a column of identifiers: see `Identifier`."""
    return Field(sa_type=cast("Any", Identifier(purpose, after)), **kwargs)
