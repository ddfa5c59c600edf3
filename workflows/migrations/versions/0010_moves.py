"""Moves: the vendor's limit, and what a person paused or stopped."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "tenantpace",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("book", schema=None) as batch_op:
        batch_op.add_column(sa.Column("halted", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("halted_by", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("halted_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_index("assignment_work", table_name="assignment")
    op.create_index("assignment_work", "assignment", ["case_id", "system", "state", "id"], unique=False)
