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
    Group,
    GroupId,
    Groups,
    Locked,
    Lookup,
    Observation,
    Person,
    Roster,
    Verdict,
)
from connectors.errors import Conflict, Forbidden, Missing
from connectors.http_connector import HttpConnector
from connectors.scim import wire
from connectors.scim.bulk_observation import BulkObservation
from connectors.scim.faults import NotJson, RequestRejected
from connectors.scim.locks import Locks, Removals
from connectors.scim.lookups import Lookups
from connectors.scim.memberships import Memberships
from connectors.scim.service import USERS, Service
from connectors.scim.settings import ScimSettings

UNREAD = N_("Groups are neither read nor left if the application shows no members of any group (read_groups = false).")


class Scim(HttpConnector, Accounts, Groups, Roster, Administrators):
    """One application over SCIM 2.0. Safe for use by several threads; nothing is sent before the first call."""

    def __init__(self, settings: ScimSettings) -> None:
        self._settings = settings
        self._service = Service(settings)
        self._api = self._service.api
        self._removals = removals = Removals(removes=settings.removes)
        self._own_account = settings.own_account or None
        self._lookups = Lookups(self._service, settings.user_filter)
        self._sweep = BulkObservation(self._service, removals, settings.connections)
        self._locks = Locks(self._service, removals)
        self._memberships = Memberships(self._service, reads=settings.read_groups)

    def __repr__(self) -> str:
        return f"Scim({self._settings.url})"

    def has_limitation(self, words: str) -> bool:
        """Return whether a sentence of the manifest holds; that groups are not read depends on the settings."""
        return words != UNREAD or not self._settings.read_groups

    def own_account(self) -> str:
        """Return `own_account` of the settings, else the id or log-in from `/Me` (RFC 7644, 3.11), requested once.

        Empty if the server has no `/Me`, or if the token belongs to nobody. Raises `Unavailable`: an account that may
        be the leaver's is asked for again, not guessed.
        """
        if self._own_account is None:
            try:
                me = self._service.me()
            except (Missing, Forbidden, RequestRejected):  # 404, 403 and 501: most servers do not offer it
                self._own_account = ""
            except (NotJson, Conflict):  # a page for people, or a redirect to one: not offered, if /Users answers
                self._service.sees()
                self._own_account = ""
            else:
                self._own_account = me.id or me.login
        return self._own_account

    def use_lock_history(self, locked: Callable[[AccountId], bool]) -> None:
        """Also ask `locked` whether we made a missing account inactive."""
        self._removals.on_record = locked

    def headcount(self) -> int | None:
        """Return the total that the server sends with its list, if any."""
        return next(self._service.pages(USERS)).total or None

    def administrators(self, group: str) -> Sequence[Account]:
        """Read the members of the group with this id or displayName; SCIM has no administrator group of its own."""
        return self._memberships.administrators(group) if group else ()

    def check(self) -> str:
        """Read at least one account, and return the server's features."""
        seen = self._service.sees()
        if not seen:
            raise Forbidden(_("the token may not see any account in {url}/Users").format(url=self._settings.url))
        return _("SCIM at {url}: {seen} accounts or more; the server offers {features}").format(
            url=self._settings.url, seen=seen, features=self._service.features()
        )

    def find(self, person: Person) -> Lookup:
        """Look people up by `userName`, `emails` and `externalId`, ignoring case."""
        return self._lookups.find(person)

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        """Read many accounts by filters, by the list or one by one, whichever takes the fewest requests."""
        return self._sweep.observe(accounts)

    def everyone(self) -> Iterator[Account]:
        """Stream every user that matches `user_filter`.

        Records without an id are left out, as later calls could not read them. Raises `Conflict` if the list leaves
        `active` out of its first page, as no account then has a verdict.
        """
        if self._settings.user_filter and not self._service.features().filter:
            raise Conflict(_("user_filter is set, and this server supports no filters"))
        for number, page in enumerate(self._service.pages(USERS, self._settings.user_filter)):
            users = [wire.User.read(record) for record in page.records]
            if users and not number and not any("active" in user.raw for user in users):
                raise Conflict(_("the server's list does not say who is active"))
            yield from (wire.account(user, "") for user in users if user.id)

    def locked(self) -> frozenset[AccountId]:
        """Read the whole list, and return the inactive users. Few servers filter correctly by `active`."""
        return frozenset(one.id for one in self.everyone() if one.verdict is Verdict.LOCKED)

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
