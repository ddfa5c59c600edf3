"""Search in a proposal by words. Nothing searchable is kept at rest.

While a book is read, the names of many lines are sealed together. So a search opens hundreds of rows instead of
hundreds of thousands. Such a row belongs to the case: lines go from version to version, and their names never change.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, TypeVar

import sqlalchemy as sa
from sqlmodel import Session, col

from connectors.contract import Record
from workflows.clients.context import CHUNK, ClientContext, chunks
from workflows.clients.split.lines import line_id
from workflows.storage.case import CaseData
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, LineNames
from workflows.storage.vault import Vault

T = TypeVar("T")
FEW = 20_000
"""Up to as many lines are read by their ids; where more match, reading every line of the proposal costs less."""
Takers = frozenset[str]
"""Blind keys of successors."""


class FoundLine(NamedTuple):
    """One line that a search found. In the order in which people see lines."""

    system: str
    family: str
    id: str


@dataclass(frozen=True, slots=True)
class _Matches:
    lines: Mapping[str, Takers | None]
    """By line: None where its own names have every word; else the successors whose names have the other words."""
    everything: Takers
    """Successors whose names have every word: all of their lines are found."""

    def __contains__(self, line: tuple[str, str]) -> bool:
        """Return whether a line, with its successor, is found."""
        row, taker = line
        wanted = self.lines.get(row, frozenset())
        return taker in self.everything or wanted is None or taker in wanted


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


class ProposalSearch:
    """Finds lines and clients of proposals by words."""

    def __init__(self, context: ClientContext) -> None:
        self._context = context

    def lines(self, session: Session, proposal_id: str, case: Case, data: CaseData, search: str) -> Iterator[FoundLine]:
        """Yield all lines in which every word is found, in their order."""
        words = search.casefold().split()
        people = {self._context.vault.blind(one.key): f"{one.name}\n{one.email}".casefold() for one in data.successors}
        takers = [frozenset(key for key, text in people.items() if word in text) for word in words]
        everything = frozenset(people).intersection(*takers)
        matches = _Matches(dict(self._matching(session, case, words, takers)), everything)
        return self._found(session, proposal_id, matches)

    def clients(
        self, session: Session, proposal_id: str, case: Case, data: CaseData, search: str
    ) -> Iterator[tuple[str, str]]:
        """Yield all clients with a line in which every word is found, in their order."""
        last = None
        for line in self.lines(session, proposal_id, case, data, search):
            if (client := line[:2]) != last:
                yield client
                last = client

    def _matching(
        self, session: Session, case: Case, words: Sequence[str], takers: Sequence[Takers]
    ) -> Iterator[tuple[str, Takers | None]]:
        """Yield the lines of the case whose names have a word, and every other word is in a successor's name."""
        unseal = self._context.vault.opener(case.wrapped_key)
        rows = session.execute(
            sa.select(col(LineNames.id), col(LineNames.system), col(LineNames.sealed))
            .where(col(LineNames.case_id) == case.id)
            .execution_options(yield_per=10)
        )
        for number, system, sealed in rows:
            records, text = unseal(sealed, f"names:{number}")
            if not any(word in text for word in words):
                continue
            for record, names in zip(records, text.split("\n"), strict=True):
                missing = [turn for turn, word in enumerate(words) if word not in names]
                if not missing:
                    yield line_id(case.id, system, record), None
                elif len(missing) < len(words):
                    others = takers[missing[0]].intersection(*(takers[turn] for turn in missing))
                    if others:
                        yield line_id(case.id, system, record), others

    def _found(self, session: Session, proposal_id: str, matches: _Matches) -> Iterator[FoundLine]:
        columns = (col(Assignment.system), col(Assignment.family), col(Assignment.id), col(Assignment.successor))
        query = sa.select(*columns).where(col(Assignment.proposal_id) == proposal_id)
        rows: Iterable[Sequence[str]]
        if not matches.everything and len(matches.lines) <= FEW:
            found = (session.execute(query.where(col(Assignment.id).in_(ids))) for ids in chunks(matches.lines, CHUNK))
            rows = sorted(map(tuple, chain.from_iterable(found)))
        else:
            if not matches.lines:
                query = query.where(col(Assignment.successor).in_(matches.everything))
            rows = session.execute(query.order_by(*columns[:3]).execution_options(yield_per=1000))
        return (FoundLine(system, family, row) for system, family, row, taker in rows if (row, taker) in matches)


def page(found: Iterable[T], offset: int, limit: int) -> tuple[list[T], int]:
    """Return a page of what was found, and the number of all."""
    shown, total = [], 0
    for total, one in enumerate(found, 1):
        if offset < total <= offset + limit:
            shown.append(one)
    return shown, total
