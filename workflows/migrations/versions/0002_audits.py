"""What the last sweep of each system read."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "reading",
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("system"),
    )
    op.create_index("account_pages", "account", ["system", "id", "account_id", "verdict", "case_id"])
    op.create_index("access_sweep", "access", ["system", "verdict", "id"])
    op.create_index("case_past", "case_", ["state", "effective_at"])


def downgrade() -> None:
    """Take them back to the version before."""
    op.drop_index("case_past", "case_")
    op.drop_index("access_sweep", "access")
    op.drop_index("account_pages", "account")
    op.drop_table("reading")
