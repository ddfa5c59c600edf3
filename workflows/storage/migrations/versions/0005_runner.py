"""Who took up an attempt at a book: of two at once, only the last one's writes count."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this version; no book is in anybody's hands at an upgrade."""
    op.add_column("book", sa.Column("runner", sa.String(), nullable=False, server_default=""))
