"""The CSV file of a proposal: every record with its successor, read a page at a time."""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from config.text import shown
from workflows.clients.context import ClientContext
from workflows.clients.proposals.by_client import nobody
from workflows.clients.split import lines
from workflows.csv_cells import csv_lines
from workflows.refusals import Code, Refused
from workflows.storage.case import CaseData
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, Proposal, ProposalState

HEADER = (
    "system",
    "client id",
    "client",
    "record",
    "kind",
    "id",
    "value",
    "currency",
    "stage",
    "open",
    "successor",
    "address",
    "state",
    "note",
    "sensitivity",
)
PAGE = 2000
COLUMNS = (
    col(Assignment.system),
    col(Assignment.family),
    col(Assignment.id),
    col(Assignment.kind),
    col(Assignment.record_id),
    col(Assignment.successor),
    col(Assignment.state),
    col(Assignment.sealed),
)
"""The first three are the order of the file."""


def csv_file(context: ClientContext, proposal: Proposal, case: Case, data: CaseData) -> Iterator[str]:
    """Return the lines of the file. Raises `Refused` where an edit takes the records away meanwhile."""
    people = {context.vault.blind(one.key): one for one in data.successors}
    unseal = context.vault.opener(case.wrapped_key)

    def rows() -> Iterator[Sequence[object]]:
        for system, family, row, kind, record, taker, state, sealed in _records(context, proposal):
            name, client, value, currency, stage, still, note, sensitivity = unseal(sealed, lines.context(row))
            person = people.get(taker) or nobody()
            deal = (system, family, client, name, kind, record, value, currency, stage, "yes" if still else "no")
            yield *deal, person.name, person.email, state, shown(note), sensitivity

    return csv_lines([HEADER], rows())


def _records(context: ClientContext, proposal: Proposal) -> Iterator[Sequence[Any]]:
    """Yield every record. No transaction stays open while the file is taken slowly."""
    last: tuple[str, ...] = ()
    while True:
        with context.store.read() as session:
            _refuse_superseded(session, proposal.id)
            query = sa.select(*COLUMNS).where(col(Assignment.proposal_id) == proposal.id)
            if last:
                query = query.where(sa.tuple_(*COLUMNS[:3]) > last)
            rows = session.execute(query.order_by(*COLUMNS[:3]).limit(PAGE)).all()
        if not rows:
            return
        yield from rows
        last = tuple(rows[-1][:3])


def _refuse_superseded(session: Session, proposal_id: str) -> None:
    now = session.get_one(Proposal, proposal_id)
    if now.state == ProposalState.SUPERSEDED:
        raise Refused(Code.STALE_PROPOSAL, case=now.case_id, proposal=now.id, version=str(now.version), by="", at="")
