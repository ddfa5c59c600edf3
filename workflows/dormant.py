"""Accounts that are alive and that nobody has logged in to for long, where the system tells the last log-in."""

from collections.abc import Sequence
from datetime import timedelta

from config.text import _
from connectors.contract import Account as Found
from connectors.contract import Verdict
from workflows.findings import DORMANT, Findings, Sighting
from workflows.pastcases import in_cases
from workflows.ports import Clock
from workflows.store import Store
from workflows.vault import Vault


class Dormant:
    """Looks at pages of accounts that somebody else reads. An account without a known last log-in is never named."""

    def __init__(self, store: Store, vault: Vault, findings: Findings, clock: Clock, after: timedelta) -> None:
        """`after`: how long nobody logged in; zero: not looked for, and what was found before is closed."""
        self._store = store
        self._vault = vault
        self._findings = findings
        self._clock = clock
        self.after = after

    def look(self, system: str, page: Sequence[Found], by: str) -> set[str]:
        """Open a finding for every dormant account that no case is about; return which."""
        since = self._clock.now() - self.after
        hits = [one for one in page if one.verdict is Verdict.OPEN and one.last_login and one.last_login < since]
        if not hits or not self.after:
            return set()
        with self._store.write() as session:
            about = in_cases(session, self._vault, system, hits)
            dormant = [one for one in hits if one.id not in about]
            for one in dormant:
                self._findings.see(session, _sighting(system, one), by)
        return {str(one.id) for one in dormant}


def _sighting(system: str, one: Found) -> Sighting:
    day = one.last_login.date().isoformat() if one.last_login else ""
    detail = _("alive, and the last log-in that the system tells was on {day}").format(day=day)
    return Sighting(DORMANT, "", system, one.id, detail, one.name, one.email, one.login)
