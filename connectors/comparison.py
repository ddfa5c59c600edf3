"""Comparison of the accounts that our credential sees: with a number in the settings, and with another credential's.

No server says that it hides whole entries from us. So only somebody else's count, or another credential that is
allowed to see everything, shows what is missing. Without them, nothing tells.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from config.text import _, ngettext
from connectors.contract import Account, AccountId, Lookup, Observation, Person, Verdict
from connectors.errors import ConnectorError

TOLERANCE = 20
"""An expected number may lie below the count by a twentieth, or by one. Below that, it is too old to show anything."""
COUNT_SECONDS, PROOF_COUNT_SECONDS = 1.5, 5.0
"""Time for counting outside of a check, as a plan waits for it; the same where a number must prove an absence."""
KEPT_SECONDS, PROOF_SECONDS = 600.0, 60.0
"""Age at which a comparison is made anew; for a proof of absence."""


@dataclass(frozen=True, slots=True)
class Visible:
    """Everything that one credential sees: ids of people's accounts, and of other entries that a lock needs."""

    accounts: frozenset[str] = field(repr=False)
    others: frozenset[str] = field(default=frozenset(), repr=False)
    total: int = 0
    """The number of accounts by the server, if they were not listed."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The result of a comparison, as sentences, and its time."""

    missing: tuple[str, ...] = ()
    """Things that are there, and that we do not see."""
    unclear: tuple[str, ...] = ()
    """Reasons for which that cannot be told."""
    at: float = float("-inf")


class Comparable(Protocol):
    """A connector whose view can be compared."""

    def find(self, person: Person) -> Lookup:
        """Look a person up, as `Accounts` does."""

    def read(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Account]:
        """Read accounts by their ids, as `Accounts` does."""

    def close(self) -> None:
        """Close the connections."""

    def visible(self, seconds: float) -> Visible:
        """List everything that the credential sees. Raises `Unavailable` after that time."""


class Comparison:
    """Comparison of one connector with `at_least` accounts and with `second`, the same connector as another user."""

    def __init__(
        self,
        ours: Callable[[float], Visible],
        us: str,
        at_least: int | None,
        second: Comparable | None = None,
        them: str = "",
    ) -> None:
        """Take `ours`, which lists what our credential sees, within a number of seconds."""
        self._ours, self._us, self._at_least, self._second, self._them = ours, us, at_least, second, them
        self._last = Compared()

    @property
    def possible(self) -> bool:
        """Return whether there is anything to compare with."""
        return self._at_least is not None or self._second is not None

    def look(self, age: float = KEPT_SECONDS, seconds: float = COUNT_SECONDS) -> Compared:
        """Return a comparison not older than `age`. Counting takes `seconds` at most for each credential."""
        if time.monotonic() - self._last.at > age:
            self._last = self._compare(seconds)
        return self._last

    def judged(self, lookup: Lookup, person: Person) -> Lookup:
        """Return a lookup with the accounts that only the other credential sees. Without any account, it is doubted."""
        if lookup.accounts:
            return replace(lookup, hidden=self._hidden(person, {one.id for one in lookup.accounts}))
        doubts = self._hidden(person, ()) if self._second else self._proof()
        return replace(lookup, doubts=(*lookup.doubts, *doubts))

    def _hidden(self, person: Person, found: Collection[AccountId]) -> tuple[str, ...]:
        if self._second is None:
            return ()
        try:
            theirs = self._second.find(person).accounts
        except ConnectorError as error:
            return (self._failed(error),)
        return tuple(self._shown(one.login) for one in theirs if one.id not in found)

    def _shown(self, login: str) -> str:
        words = _("{them} sees the account {login}, which {us} does not see")
        return words.format(them=self._them, login=login, us=self._us)

    def observed(self, seen: Mapping[AccountId, Observation]) -> dict[AccountId, Observation]:
        """Return a bulk read in which no account is absent that may be there all the same."""
        gone = [one for one, found in seen.items() if found.verdict is Verdict.ABSENT or found.hidden]
        if not gone or not self.possible:
            return dict(seen)
        theirs, said = dict[AccountId, Account](), "" if self._second else "; ".join(self._proof())
        try:
            theirs |= self._second.read(gone) if self._second else {}
        except ConnectorError as error:
            said = self._failed(error)
        reasons = {one: self._shown(theirs[one].login) if one in theirs else said for one in gone}
        return {
            one: replace(found, verdict=Verdict.UNKNOWN, reason=reasons[one]) if reasons.get(one) else found
            for one, found in seen.items()
        }

    def close(self) -> None:
        """Close the other credential's connections."""
        if self._second:
            self._second.close()

    def _proof(self) -> tuple[str, ...]:
        """Return what a number says against an absence, whoever is looked for."""
        if not self.possible:
            return ()
        seen = self.look(PROOF_SECONDS, PROOF_COUNT_SECONDS)
        return (*seen.missing, *seen.unclear)

    def _compare(self, seconds: float) -> Compared:
        now = time.monotonic()
        if not self.possible:
            words = _("cannot tell which accounts {us} may not see: give accounts_at_least, or another user to compare")
            return Compared((), (words.format(us=self._us),), now)
        try:
            ours = self._ours(seconds)
        except ConnectorError as error:
            words = _("the accounts that {us} sees cannot be counted: {error}")
            return Compared((), (words.format(us=self._us, error=error),), now)
        missing, unclear = self._with_number(ours.total or len(ours.accounts))
        if self._second is not None:
            try:
                theirs = self._second.visible(seconds)
            except ConnectorError as error:
                return Compared(missing, (*unclear, self._failed(error)), now)
            hidden, blind = self._with_second(ours, theirs)
            missing, unclear = (*missing, *hidden), (*unclear, *blind)
        return Compared(missing, unclear, now)

    def _with_number(self, seen: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        expected = self._at_least
        if expected is None:
            return (), ()
        if seen < expected:
            words = _("{us} sees {seen} accounts, and accounts_at_least says {expected}")
            return (words.format(us=self._us, seen=seen, expected=expected),), ()
        if self._second is None and seen - expected > max(1, expected // TOLERANCE):
            words = _(
                "{us} sees {seen} accounts, and accounts_at_least says {expected}: too few to show that none is "
                "hidden. Count there again"
            )
            return (), (words.format(us=self._us, seen=seen, expected=expected),)
        return (), ()

    def _with_second(self, ours: Visible, theirs: Visible) -> tuple[tuple[str, ...], tuple[str, ...]]:
        missing, unclear = list[str](), list[str]()
        if hidden := len(theirs.accounts - ours.accounts):
            words = ngettext(
                "{them} sees {count} account that {us} does not see",
                "{them} sees {count} accounts that {us} does not see",
                hidden,
            )
            missing.append(words.format(them=self._them, count=hidden, us=self._us))
        if hidden := len(theirs.others - ours.others):
            words = ngettext(
                "{them} sees {count} group that {us} does not see",
                "{them} sees {count} groups that {us} does not see",
                hidden,
            )
            missing.append(words.format(them=self._them, count=hidden, us=self._us))
        if blind := len(ours.accounts - theirs.accounts):
            words = ngettext(
                "{them} does not see {count} account that {us} sees, so it shows little about hidden ones",
                "{them} does not see {count} accounts that {us} sees, so it shows little about hidden ones",
                blind,
            )
            unclear.append(words.format(them=self._them, count=blind, us=self._us))
        return tuple(missing), tuple(unclear)

    def _failed(self, error: ConnectorError) -> str:
        words = _("cannot compare with what {them} sees: {error}")
        return words.format(them=self._them, error=error)
