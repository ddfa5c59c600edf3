"""Heads of the journal that sign the head before."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the place and the digest of the head before; heads of 0.2.0 have neither."""
    op.add_column("journal_head", sa.Column("number", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("journal_head", sa.Column("prev", sa.String(), nullable=False, server_default=""))
