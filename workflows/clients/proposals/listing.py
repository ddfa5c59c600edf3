"""Reading a book into rows, family by family, and giving each family to a successor: a draft, shown to nobody yet.

A draft belongs to one system of one case. It is cleared and gathered anew by every attempt, so that a killed one leaves
nothing behind; only the families' sums are kept in memory, never the records. A record whose owner nobody can change is
in the draft only while the list is read, to mark that it was seen: `release` takes it out, and it is never proposed.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import ngettext_lazy
from connectors.contract import AccountId, Record
from workflows.clients.context import CHUNK, BookAttempt, ClientContext, chunks
from workflows.clients.proposals.publishing import REPEATED
from workflows.clients.proposals.receivers import ActiveSuccessors
from workflows.clients.proposals.requested import allocation_request
from workflows.clients.split import lines, unmoved
from workflows.clients.split.families import FamilyTotals
from workflows.clients.split.rules import split
from workflows.clients.split.shares import ProposalData
from workflows.storage.rows.clients import Assignment, AssignmentState, Proposal, ProposalState

ASKED_BEFORE = frozenset({AssignmentState.PROPOSED, AssignmentState.APPROVED, AssignmentState.KEPT})
"""When a book is listed, a record in these states is with the approver already, or stays by a person's wish; in any
other it is asked (again)."""
SETTLED_AND_BACK = frozenset({AssignmentState.MOVED, AssignmentState.TAKEN, AssignmentState.GONE})
"""When a book is listed again before its move, a record in these states that the leaver owns has come back."""
ANSWERED = frozenset({AssignmentState.DECLINED, AssignmentState.REFUSED, AssignmentState.STOPPED})
"""A person or the system said no: such a record is asked again when its book is listed again."""
TOLD = 20
"""Line numbers that are told at once."""


class DraftListing:
    """Gathers the draft of one book."""

    def __init__(self, context: ClientContext, book_attempt: BookAttempt) -> None:
        self._context = context
        self._book_attempt = book_attempt
        self._system = book_attempt.book.system
        self.draft = draft_id(book_attempt.case.id, self._system)
        with context.store.read() as session:
            self._wanted = allocation_request(context, session, book_attempt.case, book_attempt.data)
        self.families = FamilyTotals(self._wanted.names)
        self.staying: dict[str, Counter[str]] = {}
        """Why records stay, by kind."""
        self._repeated = False

    def gather(self, owners: Sequence[AccountId], *, again: bool) -> None:
        """Stream the book into draft rows: what was never asked, or with `again` what drifted since it was approved."""
        _, book = self._context.system(self._system)
        self._clear()
        for owner in owners:
            for chunk in chunks(book.records(owner), CHUNK):
                with self._context.store.write() as session:
                    self._file(session, chunk, again=again)

    def allot(self, takers: ActiveSuccessors) -> ProposalData:
        """Give every gathered family to a successor; return the draft's sheet."""
        wanted = replace(self._wanted, given=self._families_given(takers))
        done, faults, hits = split(self.families, takers.accounts, wanted, self._system)
        for page in self._pages():
            self._write(page, done.chosen)
        notes = (*takers.notes, *done.notes, *_unheeded({one.line for one in faults} | self._lost(hits)))
        why = REPEATED if self._repeated else ""
        return ProposalData(
            why,
            notes,
            {self._system: takers.accounts},
            {self._system: self.families.shares(done.chosen)},
            sensitivities={self._system: self.families.sensitive()},
        )

    def _lost(self, hits: set[int]) -> set[int]:
        """Return the lines of the file that name this system and none of its clients."""
        return {row.line for row in self._wanted.rows if row.system == self._system} - hits

    def release(self, session: Session) -> None:
        """Once the whole book was read: keep what stays, out of the draft; what was not seen any more is let go."""
        staying = (sa.and_(*self._mine()), col(Assignment.state) == AssignmentState.EXCLUDED)
        session.execute(sa.delete(Assignment).where(*staying, col(Assignment.proposal_id).is_(None)))
        session.execute(
            sa.update(Assignment).where(*staying, col(Assignment.proposal_id) == self.draft).values(proposal_id=None)
        )

    def _mine(self) -> tuple[sa.ColumnElement[bool], ...]:
        return col(Assignment.case_id) == self._book_attempt.case.id, col(Assignment.system) == self._system

    def _clear(self) -> None:
        with self._context.store.write() as session:
            self._book_attempt.hold(session)
            gathered = col(Assignment.proposal_id) == self.draft
            stays = col(Assignment.state) == AssignmentState.EXCLUDED
            session.execute(sa.update(Assignment).where(gathered, stays).values(proposal_id=None))
            session.execute(sa.delete(Assignment).where(gathered))
            draft = session.get(Proposal, self.draft) or Proposal(
                id=self.draft,
                case_id=self._book_attempt.case.id,
                version=0,
                digest="",
                state=ProposalState.DRAFT,
                created_at=self._context.clock.now(),
            )
            draft.sealed = b""  # not complete any more: nobody publishes it meanwhile
            session.add(draft)

    def _file(self, session: Session, chunk: Sequence[Record], *, again: bool) -> None:
        self._book_attempt.hold(session)
        ids = {lines.line_id(self._book_attempt.case.id, self._system, record.id): record for record in chunk}
        rows = session.exec(select(Assignment).where(col(Assignment.id).in_(ids))).all()
        older = [row for row in rows if self._asks(row, ids[row.id], again=again)]
        self._repeated |= any(row.state in ANSWERED and not ids[row.id].fixed for row in older)
        left_alone = {row.id for row in rows} - {row.id for row in older}
        # An older row of the same record makes room: its history stands in the journal.
        session.execute(sa.delete(Assignment).where(col(Assignment.id).in_([row.id for row in older])))
        session.expunge_all()
        for row_id, record in ids.items():
            if row_id not in left_alone:
                self._count(record)
                session.add(lines.draft(self._context.vault, self._book_attempt.case, self._system, self.draft, record))

    def _asks(self, row: Assignment, record: Record, *, again: bool) -> bool:
        if row.state == AssignmentState.EXCLUDED:
            return row.proposal_id != self.draft  # in the draft: this attempt has seen it
        return _ask(row, record, again=again)

    def _count(self, record: Record) -> None:
        if record.fixed:
            unmoved.count(self.staying, record.kind, record.fixed)
        else:
            self.families.add(record)

    def _families_given(self, takers: ActiveSuccessors) -> Mapping[str, str]:
        """Return who was given each family before: what joins a family later goes to the same person."""
        keys = {self._context.vault.blind(key): key for key in takers.accounts}
        with self._context.store.read() as session:
            given = session.exec(
                select(Assignment.family, Assignment.successor)
                .where(
                    Assignment.case_id == self._book_attempt.case.id,
                    Assignment.system == self._system,
                    col(Assignment.state).in_((AssignmentState.APPROVED, AssignmentState.MOVED)),
                )
                .distinct()
            )
            return {family: keys[taker] for family, taker in given if family in self.families.tallies and taker in keys}

    def _pages(self) -> Iterable[Sequence[tuple[str, str]]]:
        last = ""
        while True:
            with self._context.store.read() as session:
                page = session.exec(
                    select(Assignment.id, Assignment.family)
                    .where(
                        Assignment.proposal_id == self.draft,
                        Assignment.state == AssignmentState.PROPOSED,
                        col(Assignment.id) > last,
                    )
                    .order_by(col(Assignment.id))
                    .limit(CHUNK)
                ).all()
            if not page:
                return
            last = page[-1][0]
            yield page

    def _write(self, page: Sequence[tuple[str, str]], chosen: Mapping[str, str]) -> None:
        blind = {key: self._context.vault.blind(key) for key in set(chosen.values())}
        with self._context.store.write() as session:
            self._book_attempt.hold(session)
            session.execute(
                sa.update(Assignment), [{"id": row, "successor": blind[chosen[family]]} for row, family in page]
            )


def _unheeded(numbers: set[int]) -> list[str]:
    if not numbers:
        return []
    listed = ", ".join(map(str, sorted(numbers)[:TOLD])) + (", …" if len(numbers) > TOLD else "")
    said = ngettext_lazy(
        "{count} line of the file was not followed, the book has changed since: {lines}",
        "{count} lines of the file were not followed, the book has changed since: {lines}",
        len(numbers),
        lines=listed,
    )
    return [said.stored]


def draft_id(case_id: str, system: str) -> str:
    """Return the id of a system's draft."""
    return f"{case_id}-draft-{system}"


def _ask(row: Assignment, record: Record, *, again: bool) -> bool:
    if again:
        return row.state in SETTLED_AND_BACK or (row.state == AssignmentState.APPROVED and row.owner != record.owner)
    return row.state not in ASKED_BEFORE
