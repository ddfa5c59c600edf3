"""Names of a proposal's lines in clear, in memory, for searching: nothing searchable is kept at rest.

The first search of a version decrypts its lines once; for some minutes the next ones look through memory. A version's
lines never change their names, and an edit makes a new version, so nothing here is ever out of date.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col

from workflows.clients.context import ClientContext
from workflows.storage.case import CaseData
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment

KEEP_SECONDS = 600.0
MOST_LINES = 400_000
"""Lines kept at most over all versions: some 100 MB. A larger book is searched without being kept."""


@dataclass(frozen=True, slots=True)
class SearchEntry:
    """One line: its id, its client, and the lower-case words that a search looks in."""

    line: str
    client: tuple[str, str]
    """System and family."""
    text: str


class ProposalSearch:
    """Finds lines and clients of proposals by words."""

    def __init__(self, context: ClientContext) -> None:
        self._context = context
        self._kept: OrderedDict[str, tuple[float, list[SearchEntry]]] = OrderedDict()
        self._lock = threading.Lock()
        self._reading: dict[str, threading.Lock] = {}

    def lines(self, session: Session, proposal_id: str, case: Case, data: CaseData, search: str) -> list[str]:
        """Return the ids of all lines in which every word is found, in their order."""
        return [entry.line for entry in self._found(session, proposal_id, case, data, search)]

    def clients(
        self, session: Session, proposal_id: str, case: Case, data: CaseData, search: str
    ) -> list[tuple[str, str]]:
        """Return all clients with a line in which every word is found, in their order."""
        return list(dict.fromkeys(entry.client for entry in self._found(session, proposal_id, case, data, search)))

    def _found(
        self, session: Session, proposal_id: str, case: Case, data: CaseData, search: str
    ) -> Iterator[SearchEntry]:
        words = search.casefold().split()
        entries = self._entries(session, proposal_id, case, data)
        return (entry for entry in entries if all(word in entry.text for word in words))

    def _entries(self, session: Session, proposal_id: str, case: Case, data: CaseData) -> list[SearchEntry]:
        with self._lock:
            mine = self._reading.setdefault(proposal_id, threading.Lock())
        with mine:  # two who search at once decrypt once
            kept = self._look(proposal_id)
            if kept is None:
                kept = list(self._read(session, proposal_id, case, data))
                self._keep(proposal_id, kept)
        return kept

    def _look(self, proposal_id: str) -> list[SearchEntry] | None:
        with self._lock:
            now = time.monotonic()
            for name in [name for name, (at, _) in self._kept.items() if now - at > KEEP_SECONDS]:
                del self._kept[name]
            found = self._kept.get(proposal_id)
            return found[1] if found else None

    def _keep(self, proposal_id: str, entries: list[SearchEntry]) -> None:
        with self._lock:
            self._reading.pop(proposal_id, None)
            self._kept[proposal_id] = (time.monotonic(), entries)
            while self._kept and sum(len(kept) for _, kept in self._kept.values()) > MOST_LINES:
                self._kept.popitem(last=False)

    def _read(self, session: Session, proposal_id: str, case: Case, data: CaseData) -> Iterator[SearchEntry]:
        unseal = self._context.vault.opener(case.wrapped_key)
        people = {self._context.vault.blind(one.key): f"{one.name}\n{one.email}" for one in data.successors}
        rows = session.execute(
            sa.select(
                col(Assignment.id),
                col(Assignment.system),
                col(Assignment.family),
                col(Assignment.record_id),
                col(Assignment.successor),
                col(Assignment.sealed),
            )
            .where(col(Assignment.proposal_id) == proposal_id)
            .order_by(col(Assignment.system), col(Assignment.family), col(Assignment.id))
            .execution_options(yield_per=1000)
        )
        for row_id, system, family, record, taker, sealed in rows:
            plain = unseal(sealed, f"assignment:{row_id}")
            text = f"{plain['family_name']}\n{plain['name']}\n{record}\n{family}\n{people.get(taker, '')}"
            yield SearchEntry(row_id, (system, family), text.casefold())
