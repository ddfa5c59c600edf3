"""Search in a proposal by words. Nothing searchable is kept at rest.

While a book is read, the names of many lines are sealed together. So a search opens hundreds of rows instead of
hundreds of thousands. Such a row belongs to the case: lines go from version to version, and their names never change.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeVar

import sqlalchemy as sa
from sqlmodel import Session, col

from connectors.contract import Record
from workflows.clients.context import CHUNK, ClientContext, chunks
from workflows.clients.split.sealed import line_id
from workflows.storage.case import CaseData
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, LineNames
from workflows.storage.vault import Vault

T = TypeVar("T")
FEW = 20_000
"""Up to as many lines are read by their ids; where more match, reading every line of the proposal costs less."""
Takers = frozenset[str]
"""Blind keys of successors."""


def line_names(vault: Vault, case: Case, system: str, draft: str, records: Sequence[Record]) -> LineNames:
    """Return the row with the names of some records, for searching."""
    number = uuid.uuid4().hex
    plain = ([record.id for record in records], "\n".join(map(_names, records)))
    sealed = vault.seal(case.wrapped_key, plain, f"names:{number}")
    return LineNames(id=number, case_id=case.id, system=system, draft_id=draft, sealed=sealed)


def _names(record: Record) -> str:
    """Return the words of one line in lower case, on one line of text."""
    words = f"{record.family_name}\t{record.name}\t{record.id}\t{record.family}".casefold()
    return "\t".join(words.splitlines())


def find_lines(
    context: ClientContext, session: Session, proposal_id: str, case: Case, data: CaseData, search: str
) -> Iterator[tuple[str, str, str]]:
    """Yield system, family and id of all lines in which every word is found, in this order."""
    people = {
        context.vault.blind(successor.key): f"{successor.name}\n{successor.email}".casefold()
        for successor in data.successors
    }
    takers = {
        word: frozenset(key for key, text in people.items() if word in text) for word in search.casefold().split()
    }
    everything = frozenset(people).intersection(*takers.values())
    matches = dict(_matching(context, session, case, frozenset(people), takers))
    columns = (col(Assignment.system), col(Assignment.family), col(Assignment.id), col(Assignment.successor))
    query = sa.select(*columns).where(col(Assignment.proposal_id) == proposal_id)
    rows: Iterable[Sequence[str]]
    if not everything and len(matches) <= FEW:
        found = (session.execute(query.where(col(Assignment.id).in_(ids))) for ids in chunks(matches, CHUNK))
        rows = sorted(map(tuple, chain.from_iterable(found)))
    else:
        if not matches:
            query = query.where(col(Assignment.successor).in_(everything))
        rows = session.execute(query.order_by(*columns[:3]).execution_options(yield_per=1000))
    return (
        (system, family, row)
        for system, family, row, taker in rows
        if taker in everything or taker in matches.get(row, ())
    )


def _matching(
    context: ClientContext, session: Session, case: Case, everyone: Takers, takers: Mapping[str, Takers]
) -> Iterator[tuple[str, Takers]]:
    """Yield the lines of the case whose names have a word, with the successors whose names have every other word.

    `takers`: by word, the successors whose names have it.
    """
    unseal = context.vault.opener(case.wrapped_key)
    rows = session.execute(
        sa.select(col(LineNames.id), col(LineNames.system), col(LineNames.sealed))
        .where(col(LineNames.case_id) == case.id)
        .execution_options(yield_per=10)
    )
    for number, system, sealed in rows:
        records, text = unseal(sealed, f"names:{number}")
        if not any(word in text for word in takers):
            continue
        for record, names in zip(records, text.split("\n"), strict=True):
            missing = [word for word in takers if word not in names]
            others = everyone.intersection(*(takers[word] for word in missing))
            if others and len(missing) < len(takers):
                yield line_id(case.id, system, record), others


def page(found: Iterable[T], offset: int, limit: int) -> tuple[list[T], int]:
    """Return a page of what was found, and the number of all."""
    shown, total = [], 0
    for total, item in enumerate(found, 1):
        if offset < total <= offset + limit:
            shown.append(item)
    return shown, total
