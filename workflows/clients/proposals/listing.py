"""Listing of a book: a draft with a row for each record, and a successor for each family. Nobody is shown a draft.

A draft belongs to one system of one case. Every attempt clears it and reads the book anew, so that a killed attempt
leaves nothing behind. Only the sums by family are kept in memory, never the records. A record whose owner nobody can
change is in the draft only while the book is read, to mark that it was seen: `release` takes it out.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import gettext_lazy, ngettext_lazy, stored
from connectors.contract import AccountId, Record
from workflows.clients.context import CHUNK, BookAttempt, ClientContext, chunks
from workflows.clients.introduction_policy import IntroductionPlan, introduction_plan
from workflows.clients.proposals.earlier_edits import EarlierEdits
from workflows.clients.proposals.publishing import REPEATED
from workflows.clients.proposals.receivers import find_receivers, present_loads, said
from workflows.clients.proposals.search import line_names
from workflows.clients.proposals.upload import allocation_request
from workflows.clients.split import unmoved
from workflows.clients.split.rules import FamilyTotals, split, unowned
from workflows.clients.split.sealed import ProposalData, draft_line, line_context, line_id, load_line, seal_note
from workflows.storage.rows.clients import Assignment, AssignmentState, Leave, LineNames, Proposal, ProposalState
from workflows.systems.registry import System

ASKED_BEFORE = frozenset(
    {AssignmentState.PROPOSED, AssignmentState.APPROVED, AssignmentState.KEPT, AssignmentState.WAITING}
)
"""States of records that a listing leaves alone.

The approver has them already, a person decided that they stay, or the system accepted their move.
"""
SETTLED_AND_BACK = frozenset({AssignmentState.MOVED, AssignmentState.TAKEN, AssignmentState.GONE})
"""States that show, at the listing before a move, that a record came back to the leaver."""
ANSWERED = frozenset({AssignmentState.DECLINED, AssignmentState.REFUSED, AssignmentState.STOPPED}) | {
    AssignmentState.OBJECTED,
    AssignmentState.LAPSED,
}
"""States after a refusal, by a person or the system: the next listing proposes such a record again."""
TOLD = 20
"""The most line numbers in one sentence."""
EARLIER = sa.select(
    *(col(getattr(Assignment, name)) for name in ("id", "state", "proposal_id", "owner", "kind", "family", "sealed"))
)
"""The row that a record has already."""


def unowned_notes(clients: int) -> list[str]:
    """Return a stored sentence on the clients that none of the successors can own, if there are any."""
    if not clients:
        return []
    note = ngettext_lazy(
        "{count:,} client stays with the leaver, because none of the successors can own it",
        "{count:,} clients stay with the leaver, because none of the successors can own them",
        clients,
    )
    return [note.stored]


class DraftListing:
    """The listing of one book into its draft."""

    def __init__(self, context: ClientContext, book_attempt: BookAttempt) -> None:
        self._context = context
        self._book_attempt = book_attempt
        self._system = book_attempt.book.system
        self.draft = f"{book_attempt.case.id}-draft-{self._system}"
        with context.store.read() as session:
            self._request = allocation_request(context, session, book_attempt.case, book_attempt.data)
        self.families = FamilyTotals(self._request.names, self._request.policy.with_stages)
        self._seal = context.vault.sealer(book_attempt.case.wrapped_key)
        self._unseal = context.vault.opener(book_attempt.case.wrapped_key)
        self.staying: dict[str, Counter[str]] = {}
        """The reasons for which records stay, by kind."""
        self.refused: dict[str, Counter[str]] = {}
        """The reasons for which none of the successors can own records, by kind."""
        self._repeated = False
        self.lapsed = 0
        """Records in this list whose accepted move was given up."""

    def gather(self, owners: Sequence[AccountId], *, again: bool) -> None:
        """Stream the book into draft rows: records never proposed, or with `again` those that drifted."""
        _, book = self._context.system(self._system)
        self._clear()
        for owner in owners:
            for chunk in chunks(book.records(owner), CHUNK):
                with self._context.store.write() as session:
                    self._add(session, chunk, again=again)

    def allot(self, system: System, leaver: Sequence[AccountId], more: Sequence[str] = ()) -> ProposalData | None:
        """Assign every family to a successor; return the draft's data, or None where nothing was listed.

        `leaver`: accounts that receive nothing. `more`: further stored sentences for the proposal.
        """
        if not self.families:
            return None
        moves_at = max(self._context.clock.now(), self._book_attempt.case.effective_at).date()
        receivers = find_receivers(
            self._context, system, self._book_attempt.data.successors, leaver, self.families.all_pools(), moves_at
        )
        accounts = receivers.accounts
        with self._context.store.read() as session:
            edits = EarlierEdits(self._context, session, self._book_attempt, self._system)
        kept, told = edits.apply(self.families, accounts, receivers.faults)
        owned, loads = present_loads(
            self._context, system, self._book_attempt.data.successors, receivers, self._request
        )
        given = {**kept, **self._families_given(accounts)}
        request = replace(self._request, given=given, owned=owned, today=self._context.clock.now().date())
        done, faults, hits = split(self.families, accounts, receivers.faults, request, self._system)
        self._assign(done.chosen)
        lost = unowned(self.families, done.chosen, receivers.faults)
        self._refuse(lost)
        if not done.chosen:
            return None
        named = {row.line for row in self._request.rows if row.system == self._system}
        unused = sorted({fault.line for fault in faults} | (named - hits))
        notes = [*more, *receivers.notes, *loads, *self._unowned_notes(len(lost)), *told]
        if unused:
            note = ngettext_lazy(
                "{count} line of the file was not followed, the book has changed since: {lines}",
                "{count} lines of the file were not followed, the book has changed since: {lines}",
                len(unused),
                lines=", ".join(map(str, unused[:TOLD])) + (", …" if len(unused) > TOLD else ""),
            )
            notes.append(note.stored)
        return ProposalData(
            REPEATED if self._repeated else "",
            tuple(notes),
            {self._system: accounts},
            {self._system: self.families.shares(done.chosen)},
            sensitivities={self._system: self.families.sensitive(done.chosen)},
            split_notes=done.notes,
            owner_faults={self._system: receivers.faults},
            introductions=self._introductions(system),
        )

    def _introductions(self, system: System) -> Mapping[str, IntroductionPlan]:
        """Return how clients are told after the move; nothing for a handover for a time."""
        plan = introduction_plan(self._context.introduction_policy, system)
        with self._context.store.read() as session:
            for_a_time = session.get(Leave, self._book_attempt.case.id) is not None
        return {self._system: plan} if plan and not for_a_time else {}

    def _unowned_notes(self, clients: int) -> list[str]:
        if clients and self._book_attempt.data.leaver.is_group:
            note = ngettext_lazy(
                "{count:,} client stays, because none of the successors can own it",
                "{count:,} clients stay, because none of the successors can own them",
                clients,
            )
            return [note.stored]
        return unowned_notes(clients)

    def release(self, session: Session) -> None:
        """After a whole listing, take records that stay out of the draft, and delete those that are gone."""
        mine = sa.and_(*self._mine())
        excluded = col(Assignment.state) == AssignmentState.EXCLUDED
        session.execute(sa.delete(Assignment).where(mine, excluded, col(Assignment.proposal_id).is_(None)))
        asked_nobody = col(Assignment.state).in_((AssignmentState.EXCLUDED, AssignmentState.REFUSED))
        in_draft = col(Assignment.proposal_id) == self.draft
        session.execute(sa.update(Assignment).where(mine, asked_nobody, in_draft).values(proposal_id=None))

    def _refuse(self, families: Mapping[str, Sequence[str]]) -> None:
        """Keep families that none of the successors can own out of the proposal: refused, with the reason."""
        lines = select(Assignment).where(
            col(Assignment.proposal_id) == self.draft, col(Assignment.state) == AssignmentState.PROPOSED
        )
        for some in chunks(families, CHUNK):
            with self._context.store.write() as session:
                self._book_attempt.hold(session)
                for row in session.exec(lines.where(col(Assignment.family).in_(some))).all():
                    why = gettext_lazy(
                        "none of the successors can own it: {why}", why=said(families[row.family])
                    ).stored
                    row.state = AssignmentState.REFUSED
                    row.sealed = seal_note(self._context.vault, self._book_attempt.case, row, why)
                    session.add(row)
                    unmoved.count(self.refused, row.kind, why)

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
        ids = {line_id(case.id, self._system, record.id): record for record in chunk}
        rows = session.execute(EARLIER.where(col(Assignment.id).in_(ids))).all()
        older = {row.id for row in rows if self._asks(row, ids[row.id], again=again)}
        self._repeated |= any(row.id in older and row.state in ANSWERED and not ids[row.id].fixed for row in rows)
        self.lapsed += sum(row.id in older and row.state == AssignmentState.LAPSED for row in rows)
        if older:  # an older row of the same record makes room: its history stands in the journal
            session.execute(sa.delete(Assignment).where(col(Assignment.id).in_(older)))
        left_alone = {row.id for row in rows} - older
        asked = [record for row_id, record in ids.items() if row_id not in left_alone]
        if not asked:
            return
        for record in asked:
            if record.fixed:
                unmoved.count(self.staying, record.kind, stored(record.fixed))
            else:
                self.families.add(record)
        drafts = [draft_line(self._seal, case.id, self._system, self.draft, record) for record in asked]
        session.execute(sa.insert(Assignment), drafts)
        session.add(line_names(self._context.vault, case, self._system, self.draft, asked))

    def _asks(self, row: sa.Row[Any], record: Record, *, again: bool) -> bool:
        """Return whether a record is proposed, whose earlier row this is."""
        if row.state == AssignmentState.EXCLUDED:
            return bool(row.proposal_id != self.draft)  # in the draft: this attempt has seen it
        if again:
            return (
                row.state in SETTLED_AND_BACK
                or row.state == AssignmentState.LAPSED
                or (row.state == AssignmentState.APPROVED and self._drifted(row, record))
            )
        return row.state not in ASKED_BEFORE

    def _drifted(self, row: sa.Row[Any], record: Record) -> bool:
        """Return whether a record is not what was approved: another owner, client, kind, value or currency."""
        line = load_line(self._unseal(row.sealed, line_context(row.id)))
        shown = row.owner, row.family, row.kind, line.value, line.currency
        return shown != (record.owner, record.family, record.kind, record.value, record.currency)

    def _families_given(self, accounts: Mapping[str, AccountId]) -> Mapping[str, str]:
        """Return the earlier successor of each family: a record that joins a family later goes there too."""
        keys = {self._context.vault.blind(key): key for key in accounts}
        with self._context.store.read() as session:
            given = session.exec(
                select(Assignment.family, Assignment.successor)
                .where(
                    Assignment.case_id == self._book_attempt.case.id,
                    Assignment.system == self._system,
                    col(Assignment.state).in_(
                        (AssignmentState.APPROVED, AssignmentState.MOVED, AssignmentState.WAITING)
                    ),
                )
                .distinct()
            )
            return {family: keys[taker] for family, taker in given if family in self.families and taker in keys}

    def _assign(self, chosen: Mapping[str, str]) -> None:
        """Write the successor of each family into the draft."""
        families: dict[str, list[str]] = defaultdict(list)
        for family, key in chosen.items():
            families[key].append(family)
        asked = sa.update(Assignment).where(
            col(Assignment.proposal_id) == self.draft,
            col(Assignment.state) == AssignmentState.PROPOSED,
            col(Assignment.system) == self._system,
        )
        for key, given in families.items():
            assigned = asked.values(successor=self._context.vault.blind(key))
            for some in chunks(given, CHUNK):
                with self._context.store.write() as session:
                    self._book_attempt.hold(session)
                    session.execute(
                        assigned.where(col(Assignment.family).in_(some)),
                        execution_options={"synchronize_session": False},
                    )
