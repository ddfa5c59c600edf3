"""The rows of some cases, each kind read in one question however many cases: what a list of them is made of."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeVar

from sqlmodel import Session, col, select

from workflows import readings
from workflows.model import Access, Account, Case, Leave, ManualStep, Restoration

Row = TypeVar("Row", Access, Account, ManualStep, Restoration, Leave)


class Shelf:
    """Rows by their case, in the order of their ids. A kind of row that a case has not got is an empty list."""

    def __init__(self, session: Session, case_ids: Sequence[str]) -> None:
        """Read; the cases themselves are in the session afterwards, and asked of it without another question."""
        self._session, self._ids = session, list(case_ids)
        self.cases = session.exec(select(Case).where(col(Case.id).in_(self._ids))).all()
        self.readings = readings.of_all(session)
        """The last sweep of every system, by its name."""
        self.accesses = self._read(Access)
        self.accounts = self._read(Account)
        self.steps = self._read(ManualStep)
        self.restorations = self._read(Restoration)
        self.leaves = self._read(Leave)

    def _read(self, kind: type[Row]) -> dict[str, list[Row]]:
        rows = defaultdict[str, list[Row]](list)
        query = select(kind).where(col(kind.case_id).in_(self._ids)).order_by(col(kind.id))
        for row in self._session.exec(query):
            rows[row.case_id].append(row)
        return rows
