"""Handover notes to successors: numbers, the open records worth most, what to do next, and a CSV.

A note is read from the lines each time it is shown, a page at a time: memory does not grow with the book.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal

import sqlalchemy as sa
from sqlmodel import Session, col, select

from workflows.clients.context import ClientContext, only_waits, pages
from workflows.clients.moves import leave
from workflows.clients.moves.told import counts, not_told, to_tell
from workflows.clients.split.sealed import LineData, unseal_line
from workflows.clients.views import NoteLine, NoteView
from workflows.csv_cells import csv_lines
from workflows.people import Successor
from workflows.refusals import Code, Refused
from workflows.storage.case import CaseData, read_case
from workflows.storage.outbox import enqueue, request_update
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, AssignmentState, BookHandover, Introduction
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
        """Send a note to every successor with clients from this case, once nothing of a book is left to send.

        Records that a system accepted and has not moved are in no note. It is updated once they are.
        """
        if book.state != WorkState.DONE and not only_waits(session, book):
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
            case, people, successor = self._find(session, note)
            mine = self._mine(case, successor)
            clients = session.exec(
                select(sa.func.count(sa.distinct(col(Assignment.system) + ":" + col(Assignment.family)))).where(*mine)
            ).one()
            until = leave.until(session, case.id)
            blind = self._context.vault.blind(successor.key)
            told = counts(session, case.id, col(Introduction.successor) == blind)
            untold = tuple(not_told(self._context, session, case, people, blind)) if told else ()
            left = to_tell(self._context, session, case, blind)
        records = still_open = 0
        value: dict[str, Decimal] = defaultdict(Decimal)
        best: list[tuple[Decimal, int, NoteLine]] = []
        for row, data in self._lines(case, successor):
            records += 1
            if data.open:
                still_open += 1
                value[data.currency] += data.value
                line = NoteLine(
                    row.system, row.kind, data.name, data.family_name, data.value, data.currency, data.stage
                )
                heapq.heappush(best, (data.value, -records, line))
                if len(best) > NAMED:
                    heapq.heappop(best)
        named = tuple(line for _, _, line in sorted(best, reverse=True))
        return NoteView(
            note,
            case.id,
            people.leaver,
            successor,
            records,
            clients,
            still_open,
            {currency: amount for currency, amount in value.items() if amount},
            named,
            until,
            told,
            left,
            untold,
        )

    def csv(self, note: str) -> Iterator[str]:
        """Return the lines of a CSV file with all records that the successor received, open or not."""
        with self._context.store.read() as session:
            case, _, successor = self._find(session, note)
        return csv_lines(
            [HEADER],
            (
                (
                    row.system,
                    data.family_name,
                    data.name,
                    row.kind,
                    row.record_id,
                    data.value,
                    data.currency,
                    data.stage,
                    "yes" if data.open else "no",
                )
                for row, data in self._lines(case, successor)
            ),
        )

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
            (f"{case.id}:{blind}", successor)
            for successor in data.successors
            if (blind := self._context.vault.blind(successor.key)) in got
        ]

    def _find(self, session: Session, note: str) -> tuple[Case, CaseData, Successor]:
        case_id, _, blind = note.rpartition(":")
        case, data = read_case(session, self._context.vault, case_id)
        for successor in data.successors:
            if self._context.vault.blind(successor.key) == blind:
                return case, data, successor
        raise Refused(Code.NOTHING_HANDED_OVER, case=case_id)

    def _mine(self, case: Case, successor: Successor) -> Sequence[sa.ColumnElement[bool]]:
        return (
            col(Assignment.case_id) == case.id,
            col(Assignment.state) == AssignmentState.MOVED,
            col(Assignment.successor) == self._context.vault.blind(successor.key),
        )

    def _lines(self, case: Case, successor: Successor) -> Iterator[tuple[Assignment, LineData]]:
        for page in pages(self._context.store, select(Assignment).where(*self._mine(case, successor))):
            yield from ((row, unseal_line(self._context.vault, case, row)) for row in page)


def refresh_notes(session: Session, case_id: str) -> None:
    """Update every note of a case, after clients went back."""
    for post in session.exec(
        select(OutboxMessage.id).where(OutboxMessage.case_id == case_id, OutboxMessage.kind == MessageKind.NOTE)
    ).all():
        request_update(session, post)
