"""Handover notes to successors: numbers, the open records worth most, what to do next, and a CSV.

A note is read from the lines each time it is shown, a page at a time: memory does not grow with the book.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal

import sqlalchemy as sa
from sqlmodel import Session, col, select

from workflows.clients.context import CHUNK, ClientContext
from workflows.clients.moves import leave
from workflows.clients.split import lines
from workflows.clients.split.lines import LineData
from workflows.clients.views import NoteLine, NoteView
from workflows.csv_cells import csv_lines
from workflows.people import Successor
from workflows.refusals import Code, Refused
from workflows.storage.case import CaseData, read_case
from workflows.storage.outbox import enqueue, request_update
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, AssignmentState, BookHandover
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.rows.work_state import WorkState

NAMED = 10
"""Open records named in a note; the CSV has all."""
HEADER = ("system", "client", "record", "kind", "id", "value", "currency", "stage", "open")


class HandoverNotes:
    """Reads notes, and sends them once a book is done."""

    def __init__(self, context: ClientContext) -> None:
        self._context = context

    def send(self, session: Session, case: Case, data: CaseData, book: BookHandover) -> None:
        """Send a note to every successor with clients from this case, once a book is done."""
        if book.state != WorkState.DONE:
            return
        for note, successor in self._of(session, case, data):
            enqueue(
                session,
                id=f"note:{note}",
                kind=MessageKind.NOTE,
                subject=note,
                case_id=case.id,
                channel=successor.slack_id,
            )

    def view(self, note: str) -> NoteView:
        """Return one successor's note. Raises `Refused(NOTHING_HANDED_OVER)` for an unknown successor."""
        with self._context.store.read() as session:
            case, data, successor = self._find(session, note)
            mine = self._mine(case, successor)
            clients = session.exec(
                select(sa.func.count(sa.distinct(col(Assignment.system) + ":" + col(Assignment.family)))).where(*mine)
            ).one()
            until = leave.until(session, case.id)
        records = still = 0
        value: dict[str, Decimal] = defaultdict(Decimal)
        best: list[tuple[Decimal, int, NoteLine]] = []
        for row, one in self._lines(case, successor):
            records += 1
            if one.open:
                still += 1
                value[one.currency] += one.value
                heapq.heappush(best, (one.value, -records, _line(row, one)))
                if len(best) > NAMED:
                    heapq.heappop(best)
        named = tuple(line for _, _, line in sorted(best, reverse=True))
        return NoteView(
            note,
            case.id,
            data.leaver,
            successor,
            records,
            clients,
            still,
            {currency: amount for currency, amount in value.items() if amount},
            named,
            until,
        )

    def csv(self, note: str) -> Iterator[str]:
        """Return the lines of a CSV file with all records that the successor received, open or not."""
        with self._context.store.read() as session:
            case, _, successor = self._find(session, note)
        return csv_lines([HEADER], (_cells(row, one) for row, one in self._lines(case, successor)))

    def of_case(self, case_id: str) -> list[NoteView]:
        """Return the notes of a case, one for each successor who received records."""
        with self._context.store.read() as session:
            found = [note for note, _ in self._of(session, *read_case(session, self._context.vault, case_id))]
        return [self.view(note) for note in found]

    def _of(self, session: Session, case: Case, data: CaseData) -> list[tuple[str, Successor]]:
        got = set(
            session.exec(
                select(Assignment.successor)
                .where(Assignment.case_id == case.id, Assignment.state == AssignmentState.MOVED)
                .distinct()
            )
        )
        return [
            (f"{case.id}:{blind}", one)
            for one in data.successors
            if (blind := self._context.vault.blind(one.key)) in got
        ]

    def _find(self, session: Session, note: str) -> tuple[Case, CaseData, Successor]:
        case_id, _, blind = note.rpartition(":")
        case, data = read_case(session, self._context.vault, case_id)
        for one in data.successors:
            if self._context.vault.blind(one.key) == blind:
                return case, data, one
        raise Refused(Code.NOTHING_HANDED_OVER, case=case_id)

    def _mine(self, case: Case, successor: Successor) -> Sequence[sa.ColumnElement[bool]]:
        return (
            col(Assignment.case_id) == case.id,
            col(Assignment.state) == AssignmentState.MOVED,
            col(Assignment.successor) == self._context.vault.blind(successor.key),
        )

    def _lines(self, case: Case, successor: Successor) -> Iterator[tuple[Assignment, LineData]]:
        last = ""
        while True:
            with self._context.store.read() as session:
                rows = session.exec(
                    select(Assignment)
                    .where(*self._mine(case, successor), col(Assignment.id) > last)
                    .order_by(col(Assignment.id))
                    .limit(CHUNK)
                ).all()
            if not rows:
                return
            last = rows[-1].id
            yield from ((row, lines.unseal(self._context.vault, case, row)) for row in rows)


def refresh_notes(session: Session, case_id: str) -> None:
    """Update every note of a case, after clients went back."""
    for post in session.exec(
        select(OutboxMessage.id).where(OutboxMessage.case_id == case_id, OutboxMessage.kind == MessageKind.NOTE)
    ).all():
        request_update(session, post)


def _cells(row: Assignment, one: LineData) -> tuple[object, ...]:
    still = "yes" if one.open else "no"
    return row.system, one.family_name, one.name, row.kind, row.record_id, one.value, one.currency, one.stage, still


def _line(row: Assignment, one: LineData) -> NoteLine:
    return NoteLine(row.system, row.kind, one.name, one.family_name, one.value, one.currency, one.stage)
