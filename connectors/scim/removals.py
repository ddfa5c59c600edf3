"""Accounts that we have locked in an application that removes inactive users: a missing account may be a lock."""

from collections.abc import Callable

from config.text import _
from connectors.contract import AccountId, Observation, Verdict


class Removals:
    """Remembers the locks of this process; asks the caller for those of other processes or of earlier runs."""

    def __init__(self, *, removes: bool) -> None:
        self.removes = removes
        self.on_record: Callable[[AccountId], bool] = lambda _: False
        self._locked: set[AccountId] = set()

    def note(self, account: AccountId) -> None:
        """Remember a lock that is about to be sent."""
        self._locked.add(account)

    def forget(self, account: AccountId) -> None:
        """Forget a lock that was refused or undone."""
        self._locked.discard(account)

    def explains(self, account: AccountId) -> bool:
        """Return whether our own lock explains a missing account."""
        return self.removes and (account in self._locked or self.on_record(account))

    def gone(self, account: AccountId) -> Observation:
        """Return the observation for an account that the server does not have."""
        if self.explains(account):
            return Observation(
                Verdict.LOCKED,
                _("the server has no such account since it was made inactive here: it removes such users"),
            )
        return Observation(Verdict.ABSENT, _("looked up by id in /Users and not there"))
