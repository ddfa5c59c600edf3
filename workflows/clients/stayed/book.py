"""Clients that successors have from a case: lines that moved and did not go back, joined by client."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from connectors.contract import AccountId, RecordId
from workflows.clients.context import ClientContext, pages
from workflows.clients.split.sealed import line_context, load_line
from workflows.people import Successor
from workflows.storage.case import CaseData
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, AssignmentState


@dataclass(frozen=True, slots=True)
class HandedOver:
    """One record: its former owner, when it moved, and whether it was an open deal or task."""

    record: RecordId
    leaver: AccountId
    moved_at: datetime
    name: str
    open: bool


@dataclass(slots=True)
class BookClient:
    """One client of one successor in one system."""

    id: str
    system: str
    successor: str
    """Blind key of the successor."""
    name: str
    records: list[HandedOver] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str]:
        """System and client."""
        return self.system, self.id

    @property
    def moved_at(self) -> datetime:
        """The time of the last move. A word that was given before is about somebody else's client."""
        return max(one.moved_at for one in self.records)


def moved(case_id: str) -> Sequence[sa.ColumnElement[bool]]:
    """Return the conditions of lines that a successor has now."""
    return col(Assignment.case_id) == case_id, col(Assignment.state) == AssignmentState.MOVED


def has_moved(session: Session, case_id: str) -> bool:
    """Return whether a successor has a record of the case."""
    return session.exec(select(Assignment.id).where(*moved(case_id)).limit(1)).first() is not None


def clients(context: ClientContext, case: Case, *which: sa.ColumnElement[bool]) -> list[BookClient]:
    """Return the clients of a case in the order of system and name; `which`: further conditions of their lines."""
    found: dict[tuple[str, str, str], BookClient] = {}
    for row, name, line in _lines(context, case, which):
        key = row.system, row.family, row.successor
        client = found.setdefault(key, BookClient(row.family, row.system, row.successor, name))
        client.records.append(line)
    return sorted(found.values(), key=lambda one: (one.system, one.name.casefold(), one.id, one.successor))


def _lines(
    context: ClientContext, case: Case, which: Sequence[sa.ColumnElement[bool]]
) -> Iterator[tuple[Assignment, str, HandedOver]]:
    unseal = context.vault.opener(case.wrapped_key)
    for page in pages(context.store, select(Assignment).where(*moved(case.id), *which)):
        for row in page:
            data = load_line(unseal(row.sealed, line_context(row.id)))
            at = row.moved_at or case.effective_at
            handed = HandedOver(RecordId(row.record_id), AccountId(row.owner), at, data.name, data.open)
            yield row, data.family_name, handed


def people(context: ClientContext, data: CaseData) -> dict[str, Successor]:
    """Return the successors of a case by blind key."""
    return {context.vault.blind(one.key): one for one in data.successors}
