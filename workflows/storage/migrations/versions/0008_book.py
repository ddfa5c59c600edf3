"""Clients that stay by a person's wish, clients named in a file, and pages of clients at any size."""

import sqlalchemy as sa
from alembic import op

from workflows.storage.rows.work_state import UtcDateTime

revision = "0008"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and the index."""
    op.create_table(
        "exclusion",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("case_.id"), nullable=False, index=True),
        sa.Column("proposal_id", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "allotment",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("case_.id"), nullable=False, index=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_index("assignment_clients", "assignment", ["proposal_id", "system", "family", "id"])


def downgrade() -> None:
    """Take them away."""
    op.drop_index("assignment_clients", "assignment")
    op.drop_table("allotment")
    op.drop_table("exclusion")
