"""Context that every service on a case works with."""

from dataclasses import dataclass
from datetime import timedelta

from workflows.authorization import Authorization
from workflows.ports import Clock
from workflows.storage.findings import Findings
from workflows.storage.journal import Journal
from workflows.storage.store import Store
from workflows.storage.vault import Vault
from workflows.systems.registry import Systems


@dataclass(frozen=True, slots=True)
class Context:
    """Rows, keys, journal, systems, clock and authorization of one process."""

    store: Store
    vault: Vault
    journal: Journal
    systems: Systems
    clock: Clock
    authorization: Authorization
    retry: timedelta = timedelta(minutes=5)
    """Longest time between two tries at a system that does not answer."""
    alarm_channel: str = ""
    """Channel of security, for messages about new findings; empty: the finding alone."""

    @property
    def findings(self) -> Findings:
        """Findings on these rows."""
        return Findings(self.vault, self.journal, self.clock, self.alarm_channel)
