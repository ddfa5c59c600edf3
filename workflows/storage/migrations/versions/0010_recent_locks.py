"""Indexes for the accounts that were locked lately, and for the few with another verdict."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the indexes."""
    op.create_index("access_recent", "access", ["system", "locked_at"], unique=False)
    op.create_index("account_verdicts", "leaver_account", ["system", "verdict", "access_id"], unique=False)
