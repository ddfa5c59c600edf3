"""Moves: the vendor's limit, and what a person paused or stopped."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
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
    op.create_table(
        "putback",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_putback_case_id", "putback", ["case_id"], unique=False)
    op.create_index("ix_putback_state", "putback", ["state"], unique=False)
    op.create_table(
        "leave",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("return_on", sa.DateTime(timezone=True), nullable=False),
        sa.Column("keeps_access", sa.Boolean(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_leave_case_id", "leave", ["case_id"], unique=False)
    op.create_index("ix_leave_state", "leave", ["state"], unique=False)
    with op.batch_alter_table("book", schema=None) as batch_op:
        batch_op.add_column(sa.Column("halted", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("halted_by", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("halted_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_index("assignment_work", table_name="assignment")
    op.create_index("assignment_work", "assignment", ["case_id", "system", "state", "id"], unique=False)
