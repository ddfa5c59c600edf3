"""Keyed marks of journal entries, and the digests of a proposal's lines."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns, empty: what version 0.2.0 wrote has neither."""
    op.add_column("journal", sa.Column("mark", sa.String(), nullable=False, server_default=""))
    op.add_column("proposal", sa.Column("lines", sa.LargeBinary(), nullable=False, server_default=sa.text("''")))
