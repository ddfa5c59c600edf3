from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from connectors.contract import Verdict
from workflows.cases.views import FindingLine


@dataclass(frozen=True, slots=True)
class AuditView:
    """Audit of one day."""

    day: date
    started_at: datetime
    finished_at: datetime | None
    leavers: int
    accounts: int
    by_verdict: Mapping[Verdict, int]
    findings: tuple[FindingLine, ...]
    """Worst first, open ones only."""
    not_read: tuple[str, ...]
    """Systems that could not be read, each with its reason."""
    accepted: tuple[FindingLine, ...] = ()
    """Open findings that somebody accepted until a day in the future."""
    relocked: tuple[FindingLine, ...] = ()
    """Findings that this audit opened and locked again at once, by policy."""
    not_looked: tuple[str, ...] = ()
    """Checks that were not possible, one sentence each."""
    settled: tuple[FindingLine, ...] = ()
    """Findings that were open when this audit ended and have been settled since."""
