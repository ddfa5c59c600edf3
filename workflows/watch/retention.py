"""Retention: deletes settled rows after the time that policy keeps them. The journal is kept for good.

Only rows that nothing updates any more are deleted:

* audits, except the newest finished one, whose message shows the responses to its findings;
* the messages and files of such audits;
* follow-ups that are done, with their messages, unless their case is under a legal hold.

A case's own message stays, and so does every message that a decision, a manual step or an undo may still update.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from workflows.context import Context
from workflows.stages.legal_holds import held_cases
from workflows.storage.outbox import is_behind
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.rows.watch import AuditRun, FollowUp
from workflows.storage.rows.work_state import WorkState

OF_AUDITS = (MessageKind.AUDIT, MessageKind.AUDIT_FILE, MessageKind.ESCALATION, MessageKind.FINDINGS)
BATCH = 500
"""Rows that are deleted in one transaction: few, so that other writers wait only briefly."""


class Retention:
    """Retention of rows by age."""

    def __init__(self, context: Context, keep: timedelta) -> None:
        """Take `keep`, the time for which a settled row is kept; zero: for good."""
        self._store, self._clock, self._keep = context.store, context.clock, keep

    def prune(self) -> int:
        """Delete the rows that are old enough; return their number."""
        if not self._keep:
            return 0
        before = self._clock.now() - self._keep
        return sum(
            self._delete(model, rows)
            for model, rows in (
                (OutboxMessage, _messages_of_audits(before)),
                (AuditRun, _audits(before)),
                (OutboxMessage, _messages_of_follow_ups(before)),
                (FollowUp, _follow_ups(before)),
            )
        )

    def _delete(self, model: type[OutboxMessage | AuditRun | FollowUp], rows: SelectOfScalar[str]) -> int:
        with self._store.read() as session:
            ids = list(session.exec(rows))
        for start in range(0, len(ids), BATCH):
            with self._store.write() as session:
                # Checked again in the transaction that deletes: a row may have changed since it was read.
                batch = rows.where(col(model.id).in_(ids[start : start + BATCH]))
                session.connection().execute(sa.delete(model).where(col(model.id).in_(batch)))
        return len(ids)


def _messages_of_audits(before: datetime) -> SelectOfScalar[str]:
    newest = select(AuditRun.id).where(AuditRun.state == WorkState.DONE).order_by(col(AuditRun.finished_at).desc())
    shows_newest = col(OutboxMessage.subject).in_(newest.limit(1))
    return select(OutboxMessage.id).where(_settled(OF_AUDITS, before), ~shows_newest)


def _audits(before: datetime) -> SelectOfScalar[str]:
    newest = select(AuditRun.id).where(col(AuditRun.finished_at).is_not(None), AuditRun.state == WorkState.DONE)
    latest = select(AuditRun.id).where(col(AuditRun.finished_at).is_not(None))
    kept = [query.order_by(col(AuditRun.finished_at).desc()).limit(1).subquery() for query in (newest, latest)]
    told = select(OutboxMessage.id).where(
        col(OutboxMessage.kind).in_(OF_AUDITS), col(OutboxMessage.subject) == col(AuditRun.id)
    )
    return select(AuditRun.id).where(
        col(AuditRun.finished_at) < before,
        AuditRun.state != WorkState.DUE,
        *(col(AuditRun.id).not_in(sa.select(one.c.id)) for one in kept),
        ~told.exists(),
    )


def _messages_of_follow_ups(before: datetime) -> SelectOfScalar[str]:
    done = select(FollowUp.id).where(
        col(FollowUp.id) == col(OutboxMessage.subject),
        FollowUp.state == WorkState.DONE,
        col(FollowUp.done_at) < before,
        col(FollowUp.case_id).not_in(held_cases()),
    )
    return select(OutboxMessage.id).where(_settled((MessageKind.FOLLOW_UP,), before), done.exists())


def _follow_ups(before: datetime) -> SelectOfScalar[str]:
    told = select(OutboxMessage.id).where(
        col(OutboxMessage.kind) == MessageKind.FOLLOW_UP, col(OutboxMessage.subject) == col(FollowUp.id)
    )
    old = select(FollowUp.id).where(FollowUp.state == WorkState.DONE, col(FollowUp.done_at) < before, ~told.exists())
    return old.where(col(FollowUp.case_id).not_in(held_cases()))


def _settled(kinds: tuple[MessageKind, ...], before: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        col(OutboxMessage.case_id).not_in(held_cases()),
        col(OutboxMessage.kind).in_(kinds),
        col(OutboxMessage.shown_at) < before,
        ~is_behind(),
        col(OutboxMessage.claimed_by) == "",
    )
