"""A post that nobody set out to show before is not searched for in Slack; older posts count as tried."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("post", sa.Column("tries", sa.Integer(), nullable=False, server_default="1"))


def downgrade() -> None:
    """Take it away."""
    op.drop_column("post", "tries")
