"""Carrying out what was approved: look again, count, move in batches, count again."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlmodel import Session, col, select

from connectors.contract import AccountId, Moved, MoveOutcome, RecordId
from connectors.contract import Assignment as Order
from connectors.errors import OutcomeUnknown
from workflows.handover import lines, remarks, sheets
from workflows.handover.desk import CHUNK, Desk, Errand
from workflows.handover.proposal import route, show_outcome
from workflows.handover.remarks import Reasons
from workflows.journal import HANDOVER
from workflows.model import Assignment, AssignmentState, Book, Proposal, ProposalState

STATES = {
    MoveOutcome.MOVED: AssignmentState.MOVED,
    MoveOutcome.TAKEN: AssignmentState.TAKEN,
    MoveOutcome.GONE: AssignmentState.GONE,
    MoveOutcome.REFUSED: AssignmentState.REFUSED,
}
Accounts = Mapping[str | None, Mapping[str, AccountId]]
"""By proposal and blinded successor: the account that receives."""


class Moves:
    """Moves the approved lines of one book. Killed anywhere and run again, it moves nothing twice."""

    def __init__(self, desk: Desk, errand: Errand) -> None:
        self._desk = desk
        self._errand = errand
        self._name = errand.book.system
        self._system, self._book = desk.system(self._name)

    def run(self, leaver: Sequence[AccountId]) -> None:
        """Count, move everything that is approved, and keep what was counted."""
        accounts = self._accounts()
        owners = sorted({*leaver, *(account for by in accounts.values() for account in by.values())})
        self._count(owners)
        while batch := self._next():
            self._move([(row, accounts[row.proposal_id][row.successor]) for row in batch])
        self._count_after(owners)

    def _accounts(self) -> Accounts:
        with self._desk.store.read() as session:
            approved = session.exec(select(Proposal).where(
                Proposal.case_id == self._errand.case.id, Proposal.state == ProposalState.APPROVED)).all()
        unsealed = {p.id: sheets.unseal(self._desk.vault, self._errand.case, p).accounts for p in approved}
        return {number: {self._desk.vault.blind(key): account for key, account in by.get(self._name, {}).items()}
                for number, by in unsealed.items()}

    def _next(self) -> Sequence[Assignment]:
        with self._desk.store.read() as session:
            return session.exec(
                select(Assignment).where(
                    Assignment.case_id == self._errand.case.id, Assignment.system == self._name,
                    Assignment.state == AssignmentState.APPROVED,
                ).order_by(col(Assignment.id)).limit(self._system.manifest.limits.move_batch)
            ).all()

    def _move(self, batch: Sequence[tuple[Assignment, AccountId]]) -> None:
        orders = [Order(RecordId(row.record_id), AccountId(row.owner), taker) for row, taker in batch]
        try:
            outcomes = self._book.move(orders)
        except OutcomeUnknown:
            self._record(batch, self._read_back(orders))
            raise
        self._record(batch, outcomes)

    def _read_back(self, orders: Sequence[Order]) -> list[Moved | None]:
        """Return what a read says became of orders without an answer; None: not carried out, to be tried again."""
        holders = self._book.holders([order.record for order in orders])
        return [_became(order, holders.get(order.record)) for order in orders]

    def _record(self, batch: Sequence[tuple[Assignment, AccountId]], outcomes: Sequence[Moved | None]) -> None:
        now = self._desk.clock.now()
        tally: Counter[str] = Counter()
        with self._desk.store.write(self._errand.case.id) as session:
            self._errand.hold(session)
            for (row, _), outcome in zip(batch, outcomes, strict=True):
                if outcome is not None:
                    self._keep(session, row.id, outcome)
                    tally[outcome.outcome] += 1
            if not tally:
                return
            self._desk.journal.write(
                session, actor=HANDOVER, action="clients.moved", case_id=self._errand.case.id,
                data={"system": self._name, "at": now.isoformat(), **tally,
                      "records": {str(o.record): [o.outcome, o.owner] for o in outcomes if o is not None}},
            )
            self._desk.show_case(session, self._errand.case.id)

    def _keep(self, session: Session, row_id: str, outcome: Moved) -> None:
        """Write one outcome on its row."""
        row = session.get_one(Assignment, row_id)
        if row.record_id != outcome.record:
            raise ValueError(f"asked about {row.record_id}, answered about {outcome.record}")
        row.state, row.owner_after = STATES[outcome.outcome], outcome.owner or ""
        row.moved_at = self._desk.clock.now()
        if outcome.reason:
            vault, case = self._desk.vault, self._errand.case
            kept = lines.unseal(vault, case, row)
            row.sealed = lines.seal(vault, case, row.id, lines.noted(kept, outcome.reason))
        session.add(row)

    def _count(self, owners: Sequence[str]) -> None:
        """Store the counts before the first move; a later attempt leaves them."""
        if self._errand.book.counts_before != "{}":
            return
        counts = json.dumps({owner: dict(self._book.count(AccountId(owner))) for owner in owners})
        with self._desk.store.write() as session:
            book = self._errand.hold(session)
            book.counts_before = counts
            session.add(book)
            self._desk.journal.write(session, actor=HANDOVER, action="clients.counted_before", case_id=book.case_id,
                                     data={"system": self._name, "counts": json.loads(counts)})

    def _count_after(self, owners: Sequence[str]) -> None:
        known = {*owners, *json.loads(self._errand.book.counts_before)}
        counts = {owner: dict(self._book.count(AccountId(owner))) for owner in sorted(known)}
        with self._desk.store.write() as session:
            book = self._errand.hold(session)
            book.counts_after = json.dumps(counts)
            session.add(book)
            self._desk.journal.write(session, actor=HANDOVER, action="clients.counted_after", case_id=book.case_id,
                                     data={"system": self._name, "counts": counts})


def settle(desk: Desk, session: Session, errand: Errand, book: Book) -> None:
    """Send a moved book on, and tell who asked for the case how each proposal came out."""
    book.reason = ""
    route(desk, session, book)
    for proposal in _carried_out(session, book):
        show_outcome(session, proposal, book.case_id, errand.data.opened_by)


def refusals(desk: Desk, errand: Errand) -> Reasons:
    """Return why the system refused records of a book, counted from their lines."""
    counted: dict[str, Counter[str]] = {}
    last = ""
    with desk.store.read() as session:
        while rows := session.exec(
            select(Assignment).where(
                Assignment.case_id == errand.case.id, Assignment.system == errand.book.system,
                Assignment.state == AssignmentState.REFUSED, col(Assignment.id) > last,
            ).order_by(col(Assignment.id)).limit(CHUNK)
        ).all():
            for row in rows:
                note = lines.unseal(desk.vault, errand.case, row).note
                remarks.count(counted, row.kind, note or "no reason was given")
            last = rows[-1].id
            session.expunge_all()
    return counted


def _carried_out(session: Session, book: Book) -> Sequence[str]:
    """Return the approved proposals with lines in this book, of which no line in any book waits to be moved."""
    waiting = select(Assignment.proposal_id).where(
        Assignment.case_id == book.case_id, Assignment.state == AssignmentState.APPROVED)
    return session.exec(
        select(Proposal.id).where(
            Proposal.case_id == book.case_id, Proposal.state == ProposalState.APPROVED,
            col(Proposal.id).not_in(waiting),
            sa.exists().where(col(Assignment.proposal_id) == Proposal.id, col(Assignment.system) == book.system),
        )
    ).all()


def _became(order: Order, holders: Sequence[AccountId] | None) -> Moved | None:
    if holders is None:
        return Moved(order.record, MoveOutcome.GONE, None)
    if order.owner in holders:
        return None
    if order.successor in holders:
        return Moved(order.record, MoveOutcome.MOVED, order.successor)
    return Moved(order.record, MoveOutcome.TAKEN, holders[0] if holders else None)
