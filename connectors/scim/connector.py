"""The SCIM connector: its header lists the capabilities, its methods call the modules that implement them."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from config.text import N_, _
from connectors.contract import (
    Account,
    AccountId,
    Accounts,
    Administrators,
    BeforeImage,
    Change,
    Connections,
    Group,
    GroupId,
    Groups,
    Locked,
    Lookup,
    Observation,
    Person,
    RateLimiter,
    Roster,
)
from connectors.errors import Forbidden
from connectors.scim import roster
from connectors.scim.administrators import AdministratorLookup
from connectors.scim.bulk_observation import BulkObservation
from connectors.scim.locks import Locks
from connectors.scim.lookups import Lookups
from connectors.scim.memberships import Memberships
from connectors.scim.own_account import OwnAccount
from connectors.scim.removals import Removals
from connectors.scim.service import Service
from connectors.scim.settings import ScimSettings

UNREAD = N_("Groups are neither read nor left if the application shows no members of any group (read_groups = false).")


class Scim(Accounts, Groups, Roster, Administrators):
    """One application over SCIM 2.0. Safe for use by several threads; nothing is sent before the first call."""

    def __init__(self, settings: ScimSettings) -> None:
        self._settings = settings
        self._service = Service(settings)
        self._removals = removals = Removals(removes=settings.removes)
        self._me = OwnAccount(self._service, settings.own_account)
        self._lookups = Lookups(self._service, settings.user_filter)
        self._sweep = BulkObservation(self._service, removals, settings.connections)
        self._locks = Locks(self._service, removals)
        self._memberships = Memberships(self._service, reads=settings.read_groups)
        self._powers = AdministratorLookup(self._service)

    def __repr__(self) -> str:
        return f"Scim({self._settings.url})"

    def connections(self) -> Connections:
        """Return the pool that every call takes its connection from."""
        return self._service.connections()

    def use_rate_limiter(self, pace: RateLimiter) -> None:
        """Ask `pace` before every request."""
        self._service.use_rate_limiter(pace)

    def has_limitation(self, words: str) -> bool:
        """Return whether a sentence of the manifest holds; that groups are not read depends on the settings."""
        return words != UNREAD or not self._settings.read_groups

    def own_account(self) -> str:
        """Return `own_account` of the settings, else the id from `/Me`, else nothing."""
        return self._me.name()

    def use_lock_history(self, locked: Callable[[AccountId], bool]) -> None:
        """Also ask `locked` whether we made a missing account inactive."""
        self._removals.on_record = locked

    def headcount(self) -> int | None:
        """Return the total that the server sends with its list, if any."""
        return self._service.total()

    def administrators(self, group: str) -> Sequence[Account]:
        """Read the members of the group with this id or displayName; SCIM has no administrator group of its own."""
        return self._powers.of(group) if group else ()

    def check(self) -> str:
        """Read at least one account, and return the server's features."""
        seen = self._service.sees()
        if not seen:
            raise Forbidden(_("the token may not see any account in {url}/Users").format(url=self._settings.url))
        return _("SCIM at {url}: {seen} accounts or more; the server offers {features}").format(
            url=self._settings.url, seen=seen, features=self._service.features()
        )

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    def find(self, person: Person) -> Lookup:
        """Look people up by `userName`, `emails` and `externalId`, ignoring case."""
        return self._lookups.find(person)

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        """Read many accounts by filters, by the list or one by one, whichever takes the fewest requests."""
        return self._sweep.observe(accounts)

    def everyone(self) -> Iterator[Account]:
        """Stream every user that matches `user_filter`."""
        return roster.everyone(self._service, self._settings.user_filter)

    def locked(self) -> frozenset[AccountId]:
        """Read the whole list, and return the inactive users."""
        return roster.locked(self._service, self._settings.user_filter)

    def before(self, account: AccountId) -> BeforeImage:
        """Read whether the account is active."""
        return self._locks.before(account)

    def lock(self, before: BeforeImage) -> Locked:
        """Make the account inactive; no log-in is tried, as SCIM has none."""
        return self._locks.lock(before)

    def unlock(self, before: BeforeImage) -> Change:
        """Make the account active again; raises `Missing` if the application removes inactive users."""
        return self._locks.unlock(before)

    def groups(self, account: AccountId) -> Sequence[Group]:
        """List the groups that name the account as a member."""
        return self._memberships.of(account)

    def remove(self, account: AccountId, group: GroupId) -> Change:
        """Remove one member from one group."""
        return self._memberships.remove(account, group)

    def restore(self, account: AccountId, group: GroupId) -> Change:
        """Add one member to one group again."""
        return self._memberships.restore(account, group)
