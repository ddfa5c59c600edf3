"""Accounts that are never locked: those that policy protects, and Handover's own. They fail closed."""

import unicodedata
from collections.abc import Iterable, Sequence

from config.text import _
from connectors.contract import Account, Accounts
from workflows.systems.registry import System


class ProtectedAccounts:
    """Names in `policy.protected`: addresses, log-ins, account ids, or `system:log-in` for one system only."""

    def __init__(self, protected: Sequence[str]) -> None:
        self._protected = frozenset(_plain(name) for name in protected if name.strip())

    def is_protected(self, names: Iterable[str]) -> bool:
        """Return whether any of these names is protected in every system."""
        return any(_plain(name) in self._protected for name in names if name)

    def why_not(self, system: System, account: Account) -> str:
        """Return why an account from a lookup must not, or will not, be locked. Empty: it may be locked."""
        return self.protection_reason(system, *account.names) or account.protected

    def protection_reason(self, system: System, *names: str) -> str:
        """Return why an account with these names (id, log-in, address) must not be locked. Empty: it may be locked."""
        known = [_plain(name) for name in names if name]
        if any(name in self._protected or f"{system.name.casefold()}:{name}" in self._protected for name in known):
            return _("PROTECTED by policy, so it was NOT locked: a person must decide")
        accounts = system.having(Accounts)
        own = _plain(accounts.own_account()) if accounts else ""
        if own and own in known:
            return _("this is HANDOVER'S OWN account there, so it was NOT locked: a person must decide")
        return ""


def _plain(name: str) -> str:
    """Return a name in the form that is compared: without differences of composition, width and case."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()
