"""What the last sweep of each system read, and what is done about findings."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
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
    with op.batch_alter_table("finding") as table:
        table.alter_column("case_id", existing_type=sa.String(), nullable=True)
        table.add_column(sa.Column("wrapped_key", sa.LargeBinary(), nullable=False, server_default=""))
        table.add_column(sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("taken_by", sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("accepted_until", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("accepted_by", sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("relocked_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Take them back to the version before; findings without a case are lost."""
    op.execute("delete from finding where case_id is null")
    with op.batch_alter_table("finding") as table:
        for name in (
            "relocked_at",
            "escalated_at",
            "accepted_by",
            "accepted_until",
            "taken_by",
            "taken_at",
            "wrapped_key",
        ):
            table.drop_column(name)
        table.alter_column("case_id", existing_type=sa.String(), nullable=False)
    op.drop_index("case_past", "case_")
    op.drop_index("access_sweep", "access")
    op.drop_index("account_pages", "account")
    op.drop_table("reading")
