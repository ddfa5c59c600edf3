"""Clients and records of a proposal: pages, all lines of chosen clients, and a CSV file with every record."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import _, shown
from workflows.clients.context import CHUNK, ClientContext, chunks
from workflows.clients.proposals import search
from workflows.clients.split.rules import DEALS
from workflows.clients.split.sealed import line_context, unseal_line, unseal_proposal
from workflows.clients.views import ClientLine
from workflows.csv_cells import csv_lines
from workflows.people import Successor
from workflows.refusals import Code, Refused
from workflows.storage.case import CaseData
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, AssignmentState, Proposal, ProposalState

Client = tuple[str, str]
"""System and family."""
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
    "version",
)
PAGE = 2000
"""Records of a file that are read at once."""
BY_VALUE = 2000
"""Most records of a proposal that are decrypted to list its clients by value."""
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


def nobody() -> Successor:
    """Return what stands for the successor of a record that has none yet."""
    return Successor("", _("nobody yet"), "")


def client_page(
    context: ClientContext,
    session: Session,
    proposal_id: str,
    case: Case,
    data: CaseData,
    offset: int,
    limit: int,
    words: str,
) -> tuple[list[ClientLine], int]:
    """Return a page of clients and the number of all, highest value first.

    A proposal of more than `BY_VALUE` records is listed in the order of ids: only that page is decrypted.
    """
    number = select(sa.func.count()).select_from(Assignment).where(Assignment.proposal_id == proposal_id)
    if not words.strip() and session.exec(number).one() <= BY_VALUE:
        clients = _by_value(context, session, proposal_id, case)
        wanted, total = clients[offset : offset + limit], len(clients)
    elif words.strip():
        lines = search.find_lines(context, session, proposal_id, case, data, words)
        wanted, total = search.page((client for client, _lines in groupby(lines, itemgetter(0, 1))), offset, limit)
    else:
        named = (
            select(Assignment.system, Assignment.family)
            .where(Assignment.proposal_id == proposal_id)
            .distinct()
            .order_by(col(Assignment.system), col(Assignment.family))
        )
        total = session.execute(sa.select(sa.func.count()).select_from(named.subquery())).scalar_one()
        wanted = list(session.exec(named.offset(offset).limit(limit)))
    people = {context.vault.blind(successor.key): successor for successor in data.successors}
    return [_client_line(context, session, proposal_id, case, client, people) for client in wanted], total


def _by_value(context: ClientContext, session: Session, proposal_id: str, case: Case) -> list[Client]:
    """Return the clients of a proposal, highest value first. Amounts of all currencies are added."""
    unseal, worth = context.vault.opener(case.wrapped_key), defaultdict[Client, Decimal](Decimal)
    rows = session.execute(sa.select(*COLUMNS).where(col(Assignment.proposal_id) == proposal_id).order_by(*COLUMNS[:3]))
    for system, family, row, *_others, sealed in rows:
        _name, _client, value, _currency, _stage, is_open, *_rest = unseal(sealed, line_context(row))
        worth[system, family] += Decimal(value) if is_open and value else Decimal()
    return sorted(worth, key=lambda client: -worth[client])


def _client_line(
    context: ClientContext,
    session: Session,
    proposal_id: str,
    case: Case,
    client: Client,
    people: Mapping[str, Successor],
) -> ClientLine:
    system, family = client
    rows = session.exec(
        select(Assignment)
        .where(Assignment.proposal_id == proposal_id, Assignment.system == system, Assignment.family == family)
        .order_by(col(Assignment.id))
    ).all()
    lines = [unseal_line(context.vault, case, row) for row in rows]
    value: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.open and line.value:
            value[line.currency] += line.value
    return ClientLine(
        rows[0].id,
        system,
        family,
        lines[0].family_name or lines[0].name,
        len(rows),
        sum(line.open and row.kind in DEALS for row, line in zip(rows, lines, strict=True)),
        dict(value),
        people.get(rows[0].successor) or nobody(),
        ", ".join(sorted({line.sensitivity for line in lines} - {""})),
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


def csv_file(context: ClientContext, proposal: Proposal, case: Case, data: CaseData) -> Iterator[str]:
    """Return the lines of the file. Raises `Refused` where an edit takes the records away meanwhile."""
    people = {context.vault.blind(successor.key): successor for successor in data.successors}
    unseal, version = context.vault.opener(case.wrapped_key), proposal.version

    def rows() -> Iterator[Sequence[object]]:
        for system, family, row, kind, record, key, state, sealed in _records(context, proposal, case):
            name, client, value, currency, stage, is_open, note, sensitivity, *_pool = unseal(sealed, line_context(row))
            person = people.get(key) or nobody()
            deal = (system, family, client, name, kind, record, value, currency, stage, "yes" if is_open else "no")
            yield *deal, person.name, person.email, state, shown(note), sensitivity, version

    _refuse_superseded(context, proposal, case)
    return csv_lines([HEADER], rows())


def _records(context: ClientContext, proposal: Proposal, case: Case) -> Iterator[Sequence[Any]]:
    """Yield every record. No transaction stays open while the file is taken slowly."""
    query = sa.select(*COLUMNS).where(col(Assignment.proposal_id) == proposal.id).order_by(*COLUMNS[:3]).limit(PAGE)
    page = query
    while True:
        with context.store.read() as session:
            _refuse_superseded(context, session.get_one(Proposal, proposal.id), case)
            rows = session.execute(page).all()
        if not rows:
            return
        yield from rows
        page = query.where(sa.tuple_(*COLUMNS[:3]) > tuple(rows[-1][:3]))


def _refuse_superseded(context: ClientContext, proposal: Proposal, case: Case) -> None:
    """Raise `Refused(STALE_PROPOSAL)` for a version whose lines an edit took along."""
    if proposal.state == ProposalState.SUPERSEDED:
        raise Refused(
            Code.STALE_PROPOSAL,
            case=case.id,
            proposal=proposal.id,
            version=str(proposal.version),
            by=unseal_proposal(context.vault, case, proposal).settled_by,
            at=proposal.settled_at.isoformat() if proposal.settled_at else "",
        )
