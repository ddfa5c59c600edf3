"""Clients of a proposal: pages, search, and all lines of chosen clients."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import _
from workflows.clients.context import CHUNK, ClientContext, chunks
from workflows.clients.proposals.search import ProposalSearch, page
from workflows.clients.split import lines as line_rows
from workflows.clients.split.families import DEALS
from workflows.clients.views import ClientLine
from workflows.people import Successor
from workflows.storage.case import CaseData
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, AssignmentState

Client = tuple[str, str]
"""System and family."""


def nobody() -> Successor:
    """Return what stands for the successor of a record that has none yet."""
    return Successor("", _("nobody yet"), "")


class ClientPages:
    """Queries for clients of proposals."""

    def __init__(self, context: ClientContext) -> None:
        self._context = context
        self.search = ProposalSearch(context)

    def page(
        self, session: Session, proposal_id: str, case: Case, data: CaseData, offset: int, limit: int, search: str
    ) -> tuple[list[ClientLine], int]:
        """Return a page of clients and the number of all. Only that page is decrypted."""
        if search.strip():
            wanted, total = page(self.search.clients(session, proposal_id, case, data, search), offset, limit)
        else:
            named = (
                select(Assignment.system, Assignment.family)
                .where(Assignment.proposal_id == proposal_id)
                .distinct()
                .order_by(col(Assignment.system), col(Assignment.family))
            )
            total = session.execute(sa.select(sa.func.count()).select_from(named.subquery())).scalar_one()
            wanted = [(system, family) for system, family in session.exec(named.offset(offset).limit(limit))]
        return list(self._lines_of(session, proposal_id, case, data, wanted)), total

    def _lines_of(
        self, session: Session, proposal_id: str, case: Case, data: CaseData, wanted: Sequence[Client]
    ) -> Iterator[ClientLine]:
        people = {self._context.vault.blind(one.key): one for one in data.successors}
        for system, family in wanted:
            rows = session.exec(
                select(Assignment)
                .where(Assignment.proposal_id == proposal_id, Assignment.system == system, Assignment.family == family)
                .order_by(col(Assignment.id))
            )
            yield self._client(case, rows.all(), people)

    def _client(self, case: Case, rows: Sequence[Assignment], people: dict[str, Successor]) -> ClientLine:
        read = [line_rows.unseal(self._context.vault, case, row) for row in rows]
        value: dict[str, Decimal] = defaultdict(Decimal)
        for line in read:
            if line.open and line.value:
                value[line.currency] += line.value
        first = rows[0]
        deals = sum(line.open and row.kind in DEALS for row, line in zip(rows, read, strict=True))
        return ClientLine(
            first.id,
            first.system,
            first.family,
            read[0].family_name or read[0].name,
            len(rows),
            deals,
            dict(value),
            people.get(first.successor) or nobody(),
            ", ".join(sorted({line.sensitivity for line in read} - {""})),
            Counter(AssignmentState(row.state) for row in rows),
        )


def whole_clients(session: Session, proposal_id: str, lines: Collection[str]) -> dict[str, list[Assignment]]:
    """Return all lines of each client that one of `lines` belongs to, by that line."""
    named: dict[Client, str] = {}
    for chunk in chunks(lines, CHUNK):
        found = session.exec(
            select(Assignment.id, Assignment.system, Assignment.family).where(
                Assignment.proposal_id == proposal_id, col(Assignment.id).in_(chunk)
            )
        )
        for row_id, system, family in found:
            named.setdefault((system, family), row_id)
    rows: dict[str, list[Assignment]] = defaultdict(list)
    for clients in map(set, chunks(named, CHUNK)):
        families = {family for _system, family in clients}
        for row in session.exec(
            select(Assignment).where(Assignment.proposal_id == proposal_id, col(Assignment.family).in_(families))
        ):
            if (row.system, row.family) in clients:
                rows[named[row.system, row.family]].append(row)
    return rows
