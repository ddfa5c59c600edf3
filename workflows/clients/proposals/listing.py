"""Listing of a book: a draft with a row for each record, and a successor for each family. Nobody is shown a draft.

A draft belongs to one system of one case. Every attempt clears it and reads the book anew, so that a killed attempt
leaves nothing behind. Only the sums by family are kept in memory, never the records. A record whose owner nobody can
change is in the draft only while the book is read, to mark that it was seen: `release` takes it out.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import ngettext_lazy
from connectors.contract import AccountId, Record
from workflows.clients.context import CHUNK, BookAttempt, ClientContext, chunks
from workflows.clients.proposals.publishing import REPEATED
from workflows.clients.proposals.receivers import ActiveSuccessors
from workflows.clients.proposals.requested import allocation_request
from workflows.clients.proposals.search import line_names
from workflows.clients.split import lines, unmoved
from workflows.clients.split.families import FamilyTotals
from workflows.clients.split.rules import split
from workflows.clients.split.shares import ProposalData
from workflows.storage.rows.clients import Assignment, AssignmentState, LineNames, Proposal, ProposalState

ASKED_BEFORE = frozenset({AssignmentState.PROPOSED, AssignmentState.APPROVED, AssignmentState.KEPT})
"""States of records that a listing leaves alone: the approver has them already, or a person decided that they stay."""
SETTLED_AND_BACK = frozenset({AssignmentState.MOVED, AssignmentState.TAKEN, AssignmentState.GONE})
"""States that show, at the listing before a move, that a record came back to the leaver."""
ANSWERED = frozenset({AssignmentState.DECLINED, AssignmentState.REFUSED, AssignmentState.STOPPED})
"""States after a refusal, by a person or the system: the next listing proposes such a record again."""
TOLD = 20
"""The most line numbers in one sentence."""
EARLIER = sa.select(col(Assignment.id), col(Assignment.state), col(Assignment.proposal_id), col(Assignment.owner))


class _EarlierLine(NamedTuple):
    """The row that a record has already; in the order of `EARLIER`."""

    id: str
    state: str
    proposal_id: str | None
    owner: str


class DraftListing:
    """The listing of one book into its draft."""

    def __init__(self, context: ClientContext, book_attempt: BookAttempt) -> None:
        self._context = context
        self._book_attempt = book_attempt
        self._system = book_attempt.book.system
        self.draft = draft_id(book_attempt.case.id, self._system)
        with context.store.read() as session:
            self._request = allocation_request(context, session, book_attempt.case, book_attempt.data)
        self.families = FamilyTotals(self._request.names)
        self._seal = context.vault.sealer(book_attempt.case.wrapped_key)
        self.staying: dict[str, Counter[str]] = {}
        """The reasons for which records stay, by kind."""
        self._repeated = False

    def gather(self, owners: Sequence[AccountId], *, again: bool) -> None:
        """Stream the book into draft rows: records never proposed, or with `again` those that drifted."""
        _, book = self._context.system(self._system)
        self._clear()
        for owner in owners:
            for chunk in chunks(book.records(owner), CHUNK):
                with self._context.store.write() as session:
                    self._add(session, chunk, again=again)

    def allot(self, receivers: ActiveSuccessors) -> ProposalData:
        """Assign every family to a successor; return the draft's data."""
        request = replace(self._request, given=self._families_given(receivers))
        done, faults, hits = split(self.families, receivers.accounts, request, self._system)
        self._assign(done.chosen)
        notes = (*receivers.notes, *done.notes, *_unused_lines({one.line for one in faults} | self._lost(hits)))
        why = REPEATED if self._repeated else ""
        return ProposalData(
            why,
            notes,
            {self._system: receivers.accounts},
            {self._system: self.families.shares(done.chosen)},
            sensitivities={self._system: self.families.sensitive()},
        )

    def _lost(self, hits: set[int]) -> set[int]:
        """Return the lines of the file that name this system and no client of it."""
        return {row.line for row in self._request.rows if row.system == self._system} - hits

    def release(self, session: Session) -> None:
        """After a whole listing, take records that stay out of the draft, and delete those that are gone."""
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
            session.execute(sa.delete(LineNames).where(col(LineNames.draft_id) == self.draft))
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

    def _add(self, session: Session, chunk: Sequence[Record], *, again: bool) -> None:
        self._book_attempt.hold(session)
        case = self._book_attempt.case
        ids = {lines.line_id(case.id, self._system, record.id): record for record in chunk}
        rows = [_EarlierLine(*row) for row in session.execute(EARLIER.where(col(Assignment.id).in_(ids)))]
        older = {row.id for row in rows if self._asks(row, ids[row.id], again=again)}
        self._repeated |= any(row.id in older and row.state in ANSWERED and not ids[row.id].fixed for row in rows)
        if older:  # an older row of the same record makes room: its history stands in the journal
            session.execute(sa.delete(Assignment).where(col(Assignment.id).in_(older)))
        left_alone = {row.id for row in rows} - older
        asked = [record for row_id, record in ids.items() if row_id not in left_alone]
        if not asked:
            return
        for record in asked:
            self._count(record)
        drafts = [lines.draft(self._seal, case.id, self._system, self.draft, record) for record in asked]
        session.execute(sa.insert(Assignment), drafts)
        session.add(line_names(self._context.vault, case, self._system, self.draft, asked))

    def _asks(self, row: "_EarlierLine", record: Record, *, again: bool) -> bool:
        if row.state == AssignmentState.EXCLUDED:
            return row.proposal_id != self.draft  # in the draft: this attempt has seen it
        return _ask(row, record, again=again)

    def _count(self, record: Record) -> None:
        if record.fixed:
            unmoved.count(self.staying, record.kind, record.fixed)
        else:
            self.families.add(record)

    def _families_given(self, receivers: ActiveSuccessors) -> Mapping[str, str]:
        """Return the earlier successor of each family: a record that joins a family later goes there too."""
        keys = {self._context.vault.blind(key): key for key in receivers.accounts}
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
            return {family: keys[taker] for family, taker in given if family in self.families and taker in keys}

    def _assign(self, chosen: Mapping[str, str]) -> None:
        """Write the successor of each family into the draft."""
        families: dict[str, list[str]] = defaultdict(list)
        for family, key in chosen.items():
            families[key].append(family)
        asked = (col(Assignment.proposal_id) == self.draft, col(Assignment.state) == AssignmentState.PROPOSED)
        for key, mine in families.items():
            assigned = sa.update(Assignment).where(*asked, col(Assignment.system) == self._system)
            assigned = assigned.values(successor=self._context.vault.blind(key))
            for some in chunks(mine, CHUNK):
                with self._context.store.write() as session:
                    self._book_attempt.hold(session)
                    session.execute(
                        assigned.where(col(Assignment.family).in_(some)),
                        execution_options={"synchronize_session": False},
                    )


def _unused_lines(numbers: set[int]) -> list[str]:
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


def _ask(row: _EarlierLine, record: Record, *, again: bool) -> bool:
    if again:
        return row.state in SETTLED_AND_BACK or (row.state == AssignmentState.APPROVED and row.owner != record.owner)
    return row.state not in ASKED_BEFORE
