"""Run by alembic inside `Store.upgrade`, on the store's own connection."""

from typing import cast

import sqlalchemy as sa
from alembic import context
from sqlmodel import SQLModel

connection = cast("sa.Connection", context.config.attributes["connection"])
context.configure(connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
