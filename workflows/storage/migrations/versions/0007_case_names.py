"""Every address and log-in of a case's leaver, as keyed hashes."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, empty: an audit fills it from the cases, and `mail_key` counts until then."""
    op.create_table(
        "case_name",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"]),
        sa.PrimaryKeyConstraint("case_id", "key"),
    )
    op.create_index("ix_case_name_key", "case_name", ["key"], unique=False)
