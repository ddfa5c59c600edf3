"""Requests for approval, delegations, and what edits changed."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None

PENDING = sa.text(
    "insert into approvalrequest (id, proposal_id, case_id, role, need, state, due_at, attempt, result, asked_at, sealed) "
    "select id || '#manager', id, case_id, 'manager', 1, 'due', created_at, 0, 'waiting', created_at, :none "
    "from proposal where state = 'pending'"
).bindparams(sa.bindparam("none", b"", type_=sa.LargeBinary()))
"""A proposal that people are looking at during the upgrade is asked of the case's approver, as it was."""


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "approvalrequest",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("proposal_id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("need", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"]),
        sa.ForeignKeyConstraint(["proposal_id"], ["proposal.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("case_id", "proposal_id", "state"):
        op.create_index(f"ix_approvalrequest_{column}", "approvalrequest", [column])
    op.create_table(
        "delegation",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("from_id", sa.String(), nullable=False),
        sa.Column("to_id", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_delegation_from_id", "delegation", ["from_id"])
    op.create_table(
        "revision",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["proposal.id"]),
        sa.ForeignKeyConstraint(["previous"], ["proposal.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_revision_previous", "revision", ["previous"])
    _widen_decisions()
    op.get_bind().execute(PENDING)


def _widen_decisions() -> None:
    for column in ("request_id", "person", "seat", "void"):
        op.add_column("decision", sa.Column(column, sa.String(), nullable=False, server_default=""))
    op.add_column("decision", sa.Column("sealed", sa.LargeBinary(), nullable=False, server_default=sa.text("''")))
    op.create_index("ix_decision_request_id", "decision", ["request_id"])
    for name, column in (("one_person_once", "person"), ("one_seat_once", "seat")):
        where = sa.text(f"{column} <> ''")
        op.create_index(
            name, "decision", ["proposal_id", column], unique=True, sqlite_where=where, postgresql_where=where
        )
