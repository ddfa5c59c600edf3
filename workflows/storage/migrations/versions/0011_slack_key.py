"""Cases are found by the leaver's Slack id without opening every one; older cases keep an empty key."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and its index."""
    op.add_column("case_", sa.Column("slack_key", sa.String(), nullable=False, server_default=""))
    op.create_index("ix_case__slack_key", "case_", ["slack_key"])


def downgrade() -> None:
    """Take them away."""
    op.drop_index("ix_case__slack_key", "case_")
    op.drop_column("case_", "slack_key")
