"""Which accounts we have locked where inactive means removed: gone is then what a lock looks like."""

from collections.abc import Callable

from config.text import _
from connectors.contract import AccountId, Observation, Verdict


class Removals:
    """Remembers what this process has locked, and asks the caller's record for what others did, or it did before."""

    def __init__(self, *, removes: bool) -> None:
        self.removes = removes
        self.on_record: Callable[[AccountId], bool] = lambda _: False
        self._locked: set[AccountId] = set()

    def note(self, account: AccountId) -> None:
        """Remember a lock that is about to be sent."""
        self._locked.add(account)

    def forget(self, account: AccountId) -> None:
        """Forget a lock that was refused, or taken off."""
        self._locked.discard(account)

    def explains(self, account: AccountId) -> bool:
        """Whether our own lock is why the account is gone."""
        return self.removes and (account in self._locked or self.on_record(account))

    def gone(self, account: AccountId) -> Observation:
        """Return what it means that the server has no such account."""
        if self.explains(account):
            return Observation(
                Verdict.LOCKED,
                _("the server has no such account since it was made inactive here: it removes such users"),
            )
        return Observation(Verdict.ABSENT, _("looked up by id in /Users and not there"))
