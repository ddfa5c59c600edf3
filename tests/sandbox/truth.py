"""The side panel "What the servers say": asked of the servers themselves each second, never of the bot."""

import time

from tests.sandbox.company import ldif
from tests.sandbox.company.people import BY_UID, LEAVER, MANAGER
from tests.sandbox.practice import Practice
from tests.sandbox.slack.panel import Tone, TruthCard
from tests.sandbox.story import SUCCESSORS

LOG_IN_SECONDS = 5.0
"""Real log-ins are tried no more often than this: each failed one makes the CRM slower to answer."""

Line = tuple[str, str, Tone]


class Truth:
    """Asks the directory and the CRM about the leaver."""

    def __init__(self, practice: Practice) -> None:
        self._practice = practice
        self._tried = 0.0
        self._can: dict[str, bool] = {}

    def cards(self) -> list[TruthCard]:
        """Return what both servers say right now."""
        if time.monotonic() - self._tried > LOG_IN_SECONDS:
            self._can = self._practice.can_log_in(LEAVER)
            self._tried = time.monotonic()
        return [self._directory(), self._crm()]

    def _directory(self) -> TruthCard:
        directory = self._practice.directory
        entry = directory.entry(LEAVER.uid) or {}
        lock = entry.get("pwdAccountLockedTime", [b""])[0].decode()
        dn = ldif.person_dn(LEAVER.uid)
        groups = sorted(
            name for name, group in directory.groups().items() if dn in (member.decode() for member in group.get("member", ()))
        )
        lines: list[Line] = [
            ("Log-in with her password", *_log_in(self._can["directory"])),
            ("pwdAccountLockedTime", lock or "not set", "good" if lock else "bad"),
            ("Groups", ", ".join(groups) or "none", "bad" if groups else "good"),
        ]
        return TruthCard(f"{LEAVER.name} in the directory", f"OpenLDAP · {directory.url}", lines)

    def _crm(self) -> TruthCard:
        crm = self._practice.crm
        counts, active, sessions = crm.counts(), crm.user_active(LEAVER.uid), crm.sessions(LEAVER.uid)
        mine = counts.get(LEAVER.uid, 0)
        lines: list[Line] = [
            ("Log-in with her password", *_log_in(self._can["crm"])),
            ("Account", "active" if active else "not active", "bad" if active else "good"),
            ("Open sessions", str(sessions), "bad" if sessions else "good"),
            ("Deals owned by Dana", str(mine), "plain"),
            *((f"… by {BY_UID[uid].name}", str(counts.get(uid, 0)), "plain") for uid in (*SUCCESSORS, MANAGER.uid)),
            ("Deals in all", str(sum(counts.values())), "plain"),
        ]
        return TruthCard(f"{LEAVER.name} in the CRM", f"Tryton · {crm.url}", lines)


def _log_in(works: bool) -> tuple[str, Tone]:
    return ("works", "bad") if works else ("refused", "good")
