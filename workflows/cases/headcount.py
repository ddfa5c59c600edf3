"""The number of people in the company's directory, read once a day at most, so that opening a case does not wait."""

from datetime import timedelta

from connectors.contract import Accounts
from connectors.errors import ConnectorError
from workflows.context import Context
from workflows.storage.rows.case import Headcount

FRESH = timedelta(days=1)


class DirectoryHeadcount:
    """Counts the directory."""

    def __init__(self, context: Context) -> None:
        self._store, self._systems, self._clock = context.store, context.systems, context.clock

    def count(self) -> int | None:
        """Return how many people there are, as of today or as of the last answer; None: never told."""
        name, now = self._systems.directory, self._clock.now()
        with self._store.read() as session:
            known = session.get(Headcount, name)
        if known and now - known.read_at < FRESH:
            return known.number
        number = self._ask(name)
        if not number:  # no answer, or nobody at all, which is not believed
            return known.number if known else None
        with self._store.write() as session:
            session.merge(Headcount(system=name, number=number, read_at=now))
        return number

    def _ask(self, name: str) -> int | None:
        system = self._systems.get(name)
        accounts = system.having(Accounts) if system else None
        try:
            return accounts.headcount() if accounts else None
        except ConnectorError:
            return None
