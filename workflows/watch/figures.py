"""Figures for a company's own monitoring: what somebody should be woken for, read from the rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from workflows.context import Context
from workflows.storage.rows.case import Case
from workflows.storage.rows.outbox import BEHIND, OutboxMessage
from workflows.storage.rows.watch import AuditRun, Finding, FindingKind, SweepStatus
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import TASKS
from workflows.watch.watched_cases import OVER

OVERDUE = timedelta(minutes=5)
"""Time after which due work is overdue: the next look for it comes within five seconds."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One value, with its labels. Times are in seconds since 1970, as Prometheus expects them."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


class Figures:
    """Figures of one installation."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def read(self) -> list[Figure]:
        """Return all figures in one read.

        A kind or task without any has 0, so that an alert can rest on it. Raises `StorageFailed`.
        """
        context, now = self._context, self._context.clock.now()
        with context.store.read() as session:
            return [
                _count(session, "handover_open_cases", select(Case.id).where(col(Case.state).not_in(OVER))),
                *_audit(session),
                *_findings(session, now),
                *_systems(session, context),
                *_due(session, "handover_due_work", now),
                *_due(session, "handover_overdue_work", now - OVERDUE),
                *_messages(session),
            ]


def _count(session: Session, name: str, query: sa.Select[str], **labels: str) -> Figure:
    number = session.connection().execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one()
    return Figure(name, float(number), labels)


def _audit(session: Session) -> Iterator[Figure]:
    """Yield the end of the newest audit; no value where there was none."""
    finished = session.exec(select(sa.func.max(col(AuditRun.finished_at)))).one()
    if finished is not None:
        yield Figure("handover_last_audit_timestamp_seconds", finished.timestamp())


def _findings(session: Session, now: datetime) -> Iterator[Figure]:
    until = col(Finding.accepted_until)
    query = (
        select(Finding.kind, sa.func.count())
        .where(col(Finding.closed_at).is_(None), sa.or_(until.is_(None), until <= now))
        .group_by(col(Finding.kind))
    )
    found = dict(session.exec(query).all())
    for kind in FindingKind:
        yield Figure("handover_open_findings", float(found.get(kind, 0)), {"kind": kind.replace(" ", "_")})


def _systems(session: Session, context: Context) -> Iterator[Figure]:
    """Yield when each system was last read whole, and since when that fails."""
    rows = {row.system: row for row in session.exec(select(SweepStatus))}
    for name in context.systems:
        row = rows.get(name)
        yield Figure("handover_system_unreadable", float(bool(row and row.failed_at)), {"system": name})
        if row and row.read_at:
            yield Figure("handover_system_read_timestamp_seconds", row.read_at.timestamp(), {"system": name})


def _due(session: Session, name: str, before: datetime) -> Iterator[Figure]:
    for task, model in TASKS.items():
        due = select(model.id).where(col(model.state) == WorkState.DUE, col(model.due_at) < before)
        yield _count(session, name, due, task=task)


def _messages(session: Session) -> Iterator[Figure]:
    """Yield how many messages are not delivered, and how many of them were refused or failed."""
    waiting = select(OutboxMessage.id).where(BEHIND)
    yield _count(session, "handover_messages_waiting", waiting)
    yield _count(session, "handover_messages_failing", waiting.where(OutboxMessage.problem != ""))
