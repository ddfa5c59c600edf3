from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from connectors.contract import Verdict
from workflows.cases.views import FindingLine


@dataclass(frozen=True, slots=True)
class AuditView:
    """One day's audit."""

    day: date
    started_at: datetime
    finished_at: datetime | None
    leavers: int
    accounts: int
    by_verdict: Mapping[Verdict, int]
    findings: tuple[FindingLine, ...]
    """Worst first, open ones only."""
    not_read: tuple[str, ...]
    """Systems that could not be read, each with its reason; nothing is claimed about them."""
    accepted: tuple[FindingLine, ...] = ()
    """Open ones that somebody accepted until a day that has not come."""
    relocked: tuple[FindingLine, ...] = ()
    """What this audit found open and locked again at once, by policy."""
    not_looked: tuple[str, ...] = ()
    """What was not looked for and where, a sentence each."""
    settled: tuple[FindingLine, ...] = ()
    """What was open when this audit ended and has been settled since."""
