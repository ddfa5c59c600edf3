from dataclasses import dataclass
from datetime import date, datetime

from workflows.people import Leaver


@dataclass(frozen=True, slots=True)
class ExportLine:
    """What one system's log says. `problem` is set where it could not be read or there is no log."""

    system: str
    events: int
    records: int | None
    """Sum over the events whose number of records is known: at least so many where `uncounted`. None: not read."""
    distinct: int | None
    """Different records among those that the log names: at least so many where `unnamed`. None: it names none."""
    client_base: int | None
    weeks: tuple[tuple[date, int, int], ...]
    """(Monday, events, records known), oldest first, weeks with none included."""
    problem: str = ""
    uncounted: int = 0
    """Events whose number of records the log does not have."""
    unnamed: int = 0
    """Events of which the log does not name every record, the uncounted ones included."""

    @property
    def share(self) -> float | None:
        """Part of the client base taken, 0 to 1, where both figures are known; at least that where `unnamed`."""
        return self.distinct / self.client_base if self.distinct is not None and self.client_base else None


@dataclass(frozen=True, slots=True)
class ExportView:
    """One export snapshot. `leaver` is None until opened with a reason."""

    id: str
    case_id: str
    pseudonym: str
    moment: str
    since: datetime
    until: datetime
    lines: tuple[ExportLine, ...]
    leaver: Leaver | None = None
    after_leaving: int = 0
    """Exports since the lock-out was complete, over all systems that were read."""
    changes: tuple[str, ...] = ()
    """What is new since the snapshot before this one, a sentence per system; empty for the first."""
