"""Guard of the clock: a process takes no work while its clock is known to be wrong.

On PostgreSQL the database's clock counts. A machine whose own clock differs by more than `MOST` takes no work. On
SQLite the machine's clock is the only one. At a start, and after a step back, it must not be behind the last time on
record. Jumps of a running process are measured (`clock_jumps`).
"""

import logging
from collections.abc import Callable
from datetime import timedelta

from config.text import _
from workflows.storage.database_clock import DatabaseClock

log = logging.getLogger(__name__)
SOME, MOST = timedelta(seconds=3), timedelta(minutes=1)
"""Differences from which a process says so, and takes no work."""


class ClockGuard:
    """Comparison of the clock with a better one, or with the record. `fault` is empty while work may be taken."""

    def __init__(self, behind: Callable[[], str], database: DatabaseClock | None) -> None:
        """Take `behind`, which returns a sentence where the clock is behind the record, and is asked on SQLite."""
        self._behind, self._database = behind, database
        self._said = ""
        self._in_order = False
        self.fault = ""

    def check(self, *, stepped_back: bool = False) -> None:
        """Compare, and log every change of the result. Raises `StorageFailed`.

        `stepped_back`: the machine's clock was set back since the last check.
        """
        if self._database:
            self._database.measure()
            said = differs(self._database.difference())
            self.fault = said if abs(self._database.difference()) > MOST else ""
        else:
            said = self.fault = "" if self._in_order and not stepped_back else self._behind()
            self._in_order = not said
        if said != self._said:
            log.warning("%s", said) if said else log.warning("the clock is in order again")
        self._said = said

    def unless_wrong(self, job: Callable[[], object]) -> Callable[[], object]:
        """Return the job in a form that does nothing while the clock is wrong."""
        return lambda: None if self.fault else job()


def differs(difference: timedelta) -> str:
    """Return the sentence on a machine's clock that differs from the database's; empty for a small difference. Pure."""
    if abs(difference) <= SOME:
        return ""
    seconds = round(abs(difference).total_seconds())
    ahead = difference > timedelta(0)
    if abs(difference) > MOST:
        said = (
            _("this machine's clock is {seconds} s ahead of the database's, so this process takes no work")
            if ahead
            else _("this machine's clock is {seconds} s behind the database's, so this process takes no work")
        )
    else:
        said = (
            _("this machine's clock is {seconds} s ahead of the database's, by which all work is done")
            if ahead
            else _("this machine's clock is {seconds} s behind the database's, by which all work is done")
        )
    return said.format(seconds=seconds)
