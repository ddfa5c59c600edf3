"""Orders that a system accepted and has not carried out yet: each is read again until a read shows its outcome.

Nothing is sent from here. An order that a read does not show as done after `PATIENCE` is given up, and proposed again.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import gettext_lazy, ngettext, ngettext_lazy, punctuated, shown
from connectors.contract import Moved, MoveOutcome
from connectors.contract import MoveOrder as Order
from workflows.clients.context import ClientContext, pages
from workflows.clients.moves.moves import STATES, Moves, outcome_of
from workflows.clients.split.sealed import unseal_line
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, AssignmentState, BookHandover, Proposal, PutBack
from workflows.storage.rows.work_state import WorkState
from workflows.tampering import Act, Tampered

PATIENCE = timedelta(days=3)
"""Time after which an accepted order that no read shows as done is given up."""
FEW = 5
"""Clients named in one sentence; the CSV has all."""
LAPSED = "clients.lapsed"


class WaitingMoves(Moves):
    """Reads accepted orders back. `carry` sends nothing."""

    wanted = AssignmentState.WAITING
    facts = (AssignmentState.WAITING,)
    states: Mapping[MoveOutcome, AssignmentState] = {**STATES, MoveOutcome.WAITING: AssignmentState.LAPSED}
    renews_notes = True
    lapsed = 0
    """Orders given up by this attempt."""

    def carry(self) -> None:
        """Read the present owners of all waiting records, and record what a read shows."""
        with self._context.store.read() as session:
            if session.exec(self._wanted().limit(1)).first() is None:
                return
        self._approved, self._receiving = self.approved(), self._accounts()
        for page in pages(self._context.store, self._wanted()):
            orders = [(row, self.order(row)) for row in page]
            holders = self._book.holders([order.record for _, order in orders])
            read = [(row, order, outcome_of(order, holders.get(order.record))) for row, order in orders]
            self._record([(row, outcome) for row, _order, outcome in read if outcome is not None])
            over = [(row, _given_up(order)) for row, order, outcome in read if outcome is None and self._is_over(row)]
            self.lapsed += len(over)
            self._record(over, LAPSED)

    def require(self, session: Session, found: Sequence[Act], proposal: Proposal) -> None:  # noqa: ARG002 - by kind
        """Keep the records whose orders were accepted. A stop since then does not end such an order."""
        self._accepted = {
            record
            for act in found
            if act.action == "clients.moved" and act.data.get("system") == self._name
            for record, (outcome, _owner) in act.data["records"].items()
            if outcome == MoveOutcome.WAITING
        }

    def order(self, row: Assignment) -> Order:
        """Return the accepted order of a line. Raises `Tampered` for a line without one."""
        if row.record_id not in self._accepted:
            raise Tampered(gettext_lazy("record {record} was never ordered to move", record=row.record_id))
        return super().order(row)

    def _is_over(self, row: Assignment) -> bool:
        return row.moved_at is not None and self._context.clock.now() - row.moved_at > PATIENCE


def _given_up(order: Order) -> Moved:
    return Moved(order.record, MoveOutcome.WAITING, order.owner, reason=lapsed_sentence(1))


def lapsed_sentence(count: int) -> str:
    """Return a stored sentence on orders that were given up."""
    return ngettext_lazy(
        "{count} record was accepted by the system and not moved within {days} days",
        "{count} records were accepted by the system and not moved within {days} days",
        count,
        days=PATIENCE.days,
    ).stored


def accepted_fields(
    context: ClientContext, session: Session, case_id: str, books: Sequence[BookHandover], states: Mapping[str, int]
) -> dict[str, Any]:
    """Return the fields of `ClientsView` about accepted orders."""
    waiting = states.get(AssignmentState.WAITING, 0)
    if not waiting:
        return {}
    systems = select(Assignment.system).where(
        Assignment.case_id == case_id, Assignment.state == AssignmentState.WAITING
    )
    named = set(session.exec(systems.distinct()))
    due = [book.due_at for book in books if book.system in named and book.state == WorkState.DUE]
    return {"accepted": waiting, "read_again_at": max(min(due), context.clock.now()) if due else None}


def lapses(session: Session, case_id: str, system: str) -> Iterator[str]:
    """Yield a sentence on orders that were given up, and that no proposal has yet."""
    mine = Assignment.case_id == case_id, Assignment.system == system, Assignment.state == AssignmentState.LAPSED
    if number := session.exec(select(sa.func.count()).select_from(Assignment).where(*mine)).one():
        yield shown(lapsed_sentence(number))


def objections(context: ClientContext, session: Session, case: Case, system: str) -> Iterator[str]:
    """Yield a sentence on the clients of one system who said no, if there are any. It names the first of them."""
    mine = Assignment.case_id == case.id, Assignment.system == system, Assignment.state == AssignmentState.OBJECTED
    number = session.exec(select(sa.func.count()).select_from(Assignment).where(*mine)).one()
    if not number:
        return
    rows = session.exec(select(Assignment).where(*mine).order_by(col(Assignment.id)).limit(FEW)).all()
    lines = [unseal_line(context.vault, case, row) for row in rows]
    each = punctuated("{client} ({why})")
    named = dict.fromkeys(
        each.format(client=line.family_name, why=shown(line.note)) if line.note else line.family_name for line in lines
    )
    text = ngettext(
        "the client, or who was asked there, said no for {count} record: {clients}; retry for a new proposal",
        "the client, or who was asked there, said no for {count} records: {clients}; retry for a new proposal",
        number,
    )
    yield text.format(count=number, clients=punctuated(", ").join(named) + ("…" if number > len(rows) else ""))


def moved_late(session: Session, case_id: str, system: str) -> Iterator[str]:
    """Yield a sentence on records that a system moved only after the clients had been put back."""
    row = session.get(PutBack, f"{case_id}:{system}")
    if row is None:
        return
    number = session.exec(
        select(sa.func.count())
        .select_from(Assignment)
        .where(
            Assignment.case_id == case_id,
            Assignment.system == system,
            Assignment.state == AssignmentState.MOVED,
            col(Assignment.moved_at) > row.asked_at,
        )
    ).one()
    if number:
        yield ngettext(
            "{count} record was moved by the system only after the clients were put back: put it back, too",
            "{count} records were moved by the system only after the clients were put back: put them back, too",
            number,
        ).format(count=number)
