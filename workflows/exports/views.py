"""Views of export snapshots: frozen values as security is shown them."""

from dataclasses import dataclass
from datetime import date, datetime

from workflows.people import Leaver


@dataclass(frozen=True, slots=True)
class ExportLine:
    """Figures of one system's log. `problem`: the log could not be read, or there is none."""

    system: str
    events: int
    records: int | None
    """Records in the events with a known number; more where `uncounted`. None: not read."""
    distinct: int | None
    """Distinct records that the log names; more where `unnamed`. None: the log names none."""
    client_base: int | None
    weeks: tuple[tuple[date, int, int], ...]
    """(Monday, events, known records), oldest first, with empty weeks."""
    problem: str = ""
    uncounted: int = 0
    """Events without a number of records in the log."""
    unnamed: int = 0
    """Events of which the log does not name every record, with the uncounted ones."""

    @property
    def share(self) -> float | None:
        """Exported part of the client base, 0 to 1, where both figures are known; more where `unnamed`."""
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
    """Exports after the lock-out was complete, in all systems that were read."""
    changes: tuple[str, ...] = ()
    """Changes since the snapshot before this one, a sentence for each system; empty for the first."""
