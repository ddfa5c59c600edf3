"""Identifiers of people and accounts, sealed where they stood in clear.

Entries of the journal stay as they are: they are linked by hashes.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from workflows.storage.rows.table import Identifier, seal_identifier
from workflows.storage.vault import Vault

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ACCOUNT, ACTOR = Identifier("account"), Identifier("actor")
MESSAGE = Identifier("message", ":")
COUNTS, REASON = Identifier("counts"), Identifier("reason")
COLUMNS: Mapping[str, Mapping[str, Identifier]] = {
    "leaver_account": {"id": Identifier("account row"), "account_id": ACCOUNT},
    "clearance": {"id": Identifier("clearance"), "account_id": ACCOUNT},
    "account_link": {"account_id": ACCOUNT, "by": ACTOR},
    "manual_step": {"confirmed_by": ACTOR},
    "case_": {"opened_by": ACTOR, "approver": ACTOR},
    "proposal": {"settled_by": ACTOR},
    "decision": {"decided_by": ACTOR},
    "delegation": {"from_id": ACTOR, "to_id": ACTOR, "made_by": ACTOR, "ended_by": ACTOR},
    "book_handover": {"counts_before": COUNTS, "counts_after": COUNTS, "halted_by": ACTOR, "reason": REASON},
    "assignment": {"owner": ACCOUNT, "owner_after": ACCOUNT},
    "put_back": {"asked_by": ACTOR, "reason": REASON},
    "leave": {"answered_by": ACTOR},
    "exclusion": {"by": ACTOR},
    "outbox_message": {
        "id": MESSAGE,
        "subject": Identifier("subject", "@|"),
        "channel": Identifier("place"),
        "thread_parent_id": MESSAGE,
        "problem": REASON,
    },
    "finding": {
        "key": Identifier("finding"),
        "account_id": ACCOUNT,
        "seen_by": ACTOR,
        "closed_by": ACTOR,
        "taken_by": ACTOR,
        "accepted_by": ACTOR,
    },
}
PAGE = 1000


def upgrade() -> None:
    """Seal the identifiers of the rows that are there."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":  # what is overwritten must not stay in the file
        connection.exec_driver_sql("PRAGMA secure_delete=ON")
    for name, kinds in COLUMNS.items():
        table = sa.Table(name, sa.MetaData(), autoload_with=connection)
        _seal(connection, table, kinds)


def _seal(connection: sa.Connection, table: sa.Table, kinds: Mapping[str, Identifier]) -> None:
    [key] = table.primary_key.columns
    change = (
        table.update()
        .where(key == sa.bindparam("old_key"))
        .values({name: sa.bindparam(f"new_{name}") for name in kinds})
    )
    for page in _pages(connection, sa.select(key.label("old_key"), *(table.c[name] for name in kinds))):
        vault: Vault | None = context.config.attributes["vault"]
        if vault is None:
            raise ValueError("rows with identifiers are upgraded with the master key alone")
        connection.execute(
            change,
            [
                {"old_key": row.old_key}
                | {
                    f"new_{name}": seal_identifier(vault, kind, value) if (value := getattr(row, name)) else value
                    for name, kind in kinds.items()
                }
                for row in page
            ],
        )


def _pages(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[list[Any]]:
    """Yield the rows before any of them is changed: a changed key would be read again."""
    rows = connection.execute(query).all()
    yield from (list(rows[start : start + PAGE]) for start in range(0, len(rows), PAGE))
