"""Whether those who are to receive records can: asked before anything is sent, and again while moves run."""

import time
from collections.abc import Mapping, Sequence
from threading import Lock

from connectors.contract import AccountId, Accounts, Observation, Verdict
from workflows.handover.desk import Trouble
from workflows.systems import System

FRESH = 30.0
"""Seconds that a reading of an account stands while moves run."""


class Receivers:
    """Reads the accounts of successors. A real CRM answers 200 and leaves a record to nobody when one is inactive."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._seen: dict[AccountId, tuple[float, Observation]] = {}
        self._lock = Lock()

    def closed(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Verdict]:
        """Return which accounts are not active. Raises `Trouble` where that cannot be known now."""
        with self._lock:
            self._look(accounts)
            for account in accounts:
                _, seen = self._seen[account]
                if seen.verdict is Verdict.UNKNOWN:
                    raise Trouble(f"whether the account of who receives is active is not known: {seen.reason}")
            verdicts = {account: self._seen[account][1].verdict for account in accounts}
            return {account: verdict for account, verdict in verdicts.items() if verdict is not Verdict.OPEN}

    def _look(self, accounts: Sequence[AccountId]) -> None:
        directory = self._system.having(Accounts)
        if directory is None:
            raise Trouble("this system cannot look people up, so nobody knows whether a successor is active")
        now = time.monotonic()
        stale = sorted(one for one in accounts if one not in self._seen or now - self._seen[one][0] > FRESH)
        if stale:
            self._seen.update({one: (now, seen) for one, seen in directory.observe(stale).items()})
