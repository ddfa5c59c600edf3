"""The SCIM connector: its header lists the capabilities. Locks are here, lookups and groups elsewhere.

A lock reads, writes with the version that was read, and reads again.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Any

from config.text import N_, _
from connectors.comparison import Comparison, Visible
from connectors.contract import (
    Account,
    AccountId,
    Accounts,
    Act,
    Administrators,
    BeforeImage,
    Blocker,
    Blockers,
    Change,
    Duty,
    DutyChanges,
    DutyId,
    DutyImage,
    Effect,
    Group,
    GroupId,
    Groups,
    Licence,
    LicenceId,
    Licences,
    Locked,
    Login,
    Lookup,
    Observation,
    Person,
    Roster,
    Verdict,
)
from connectors.errors import Conflict, Forbidden, Missing, OutcomeUnknown, Unavailable
from connectors.http_connector import HttpConnector
from connectors.scim import wire
from connectors.scim.bulk_observation import BulkObservation, Removals
from connectors.scim.duties import DutyLists
from connectors.scim.duty_changes import DutyChanging
from connectors.scim.faults import NotJson, RequestRejected, Stale, Unsupported
from connectors.scim.licences import LICENCES_UNNAMED, LicenceLists
from connectors.scim.lookups import LIST_AT_MOST, Lookups
from connectors.scim.matches import CONTROLS
from connectors.scim.membership_changes import MembershipChanges
from connectors.scim.memberships import Memberships
from connectors.scim.relations import find_related
from connectors.scim.service import USERS, Service
from connectors.scim.settings import ScimSettings

FIXED = ("readOnly", "immutable")
UNREAD = N_("Groups are neither read nor left if the application shows no members of any group (read_groups = false).")


class Scim(HttpConnector, Accounts, Groups, Roster, Administrators, DutyChanges, Licences, Blockers):
    """One application over SCIM 2.0. Safe for use by several threads; nothing is sent before the first call."""

    def __init__(self, settings: ScimSettings) -> None:
        self._settings = settings
        self._service = Service(settings)
        self._api = self._service.api
        self._removals = removals = Removals(removes=settings.inactive_means == "removed")
        self._own_account = settings.own_account or None
        self._lookups = Lookups(self._service, settings.user_filter)
        self._sweep = BulkObservation(self._service, removals, settings.connections)
        self._memberships = Memberships(self._service, reads=settings.read_groups)
        self._changes = MembershipChanges(self._service, self._memberships)
        self._licences = LicenceLists(self._service, self._memberships, self._changes, settings)
        self._duties = DutyLists(self._service, LIST_AT_MOST, self._licences.is_licence)
        self._duty_changes = DutyChanging(self._service, self._licences.is_licence)
        second = settings.compared()
        self._comparison = Comparison(
            self.visible,
            _("the token"),
            settings.accounts_at_least,
            Scim(second) if second else None,
            _("the second token"),
        )

    def __repr__(self) -> str:
        return f"Scim({self._settings.url})"

    def has_limitation(self, words: str) -> bool:
        """Return whether a sentence of the manifest holds; some depend on the settings."""
        if words == LICENCES_UNNAMED:
            return not (self._settings.licence_entitlements or self._settings.licence_groups)
        return words != UNREAD or not self._settings.read_groups

    def has_effect(self, effect: Effect) -> bool:  # noqa: ARG002 - all are those of a removal
        """Return whether an effect holds: an application that keeps inactive users shows their lists."""
        return self._removals.removes

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
        self._comparison.look(0, float("inf"))
        return _("SCIM at {url}: {seen} accounts or more; the server offers {features}").format(
            url=self._settings.url, seen=seen, features=self._service.features()
        )

    def blind_spots(self) -> Sequence[str]:
        """Return what the settings leave out, and what the first two pages of the list do not show."""
        text, settings = _("user_filter: accounts outside {filter} are not seen"), self._settings
        said = [text.format(filter=settings.user_filter)] if settings.user_filter else []
        if not settings.read_groups:
            said.append(_("read_groups: nobody sees who is in which group"))
        try:
            pages = list(islice(self._service.pages(USERS), 2))
        except (Unavailable, Conflict, Forbidden) as error:
            return (*said, _("cannot tell what the list leaves out: {error}").format(error=error))
        users = [user for page in pages for user in page.users]
        if len(users) < CONTROLS:
            said.append(_("the token sees no account beside one, so no lookup can be tried on another"))
        if any(not user.id or not user.readable for user in users):
            said.append(_("the list has records without an id, a log-in or a readable address"))
        if not any(user.shows_active for user in users):
            said.append(_("the list does not say who is active, so audits cannot read it"))
        return (*said, *self._comparison.look().unclear)

    def shortfalls(self) -> Sequence[str]:
        """Return what the second token sees and the bot's does not, and a count below `accounts_at_least`."""
        return self._comparison.look().missing

    def visible(self, seconds: float) -> Visible:
        """List the ids of all users; for a number alone, ask the server for its total."""
        if self._settings.accounts_at_least is not None and self._settings.compare_token is None:
            return Visible(frozenset(), total=self._service.sees())
        end, found = time.monotonic() + seconds, set[str]()
        for page in self._service.pages(USERS):
            found |= {user.id for user in page.users}
            if time.monotonic() > end:
                text = _("there are more than {count}, and counting takes too long")
                raise Unavailable(text.format(count=len(found)))
        return Visible(frozenset(found))

    def close(self) -> None:
        """Close the connections."""
        super().close()
        self._comparison.close()

    def find(self, person: Person) -> Lookup:
        """Look people up by `userName`, `emails` and `externalId`, ignoring case."""
        return self._comparison.judged(self._lookups.find(person), person)

    def related(self, person: Person) -> Sequence[Account]:
        """Compare the whole list by names with an affix or a `+`, by `externalId`, number and further addresses."""
        return find_related(self._service, person, LIST_AT_MOST)

    def read(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Account]:
        """Read users by filters, by the list or one by one, whichever takes the fewest requests."""
        return {account: wire.account(user, "id") for account, user in self._sweep.users(accounts).items()}

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        """Read many accounts by filters, by the list or one by one, whichever takes the fewest requests."""
        return self._comparison.observed(self._sweep.observe(accounts))

    def everyone(self) -> Iterator[Account]:
        """Stream every user that matches `user_filter`.

        Records without an id are left out, as later calls could not read them. Raises `Conflict` if the list leaves
        `active` out of its first page, as no account then has a verdict.
        """
        if self._settings.user_filter and not self._service.features().filter:
            raise Conflict(_("user_filter is set, and this server supports no filters"))
        for number, page in enumerate(self._service.pages(USERS, self._settings.user_filter)):
            if page.records and not number and not any(user.shows_active for user in page.users):
                raise Conflict(_("the server's list does not say who is active"))
            yield from (wire.account(user, "") for user in page.users if user.id)

    def locked(self) -> frozenset[AccountId]:
        """Read the whole list, and return the inactive users. Few servers filter correctly by `active`."""
        return frozenset(one.id for one in self.everyone() if one.verdict is Verdict.LOCKED)

    def before(self, account: AccountId) -> BeforeImage:
        """Read whether the account is active."""
        return BeforeImage(account, self._service.user(account).state)

    def lock(self, before: BeforeImage) -> Locked:
        """Make the account inactive, if it is as in `before`; no log-in is tried, as SCIM has none."""
        try:
            user = self._service.user(before.account)
        except Missing:
            if self._removals.explains(before.account):
                return Locked(Change.ALREADY, Login.NOT_TRIED, _("made inactive here, and removed by the server"))
            raise
        if user.active is False:
            return Locked(Change.ALREADY, Login.NOT_TRIED, _("was inactive already"))
        if before.state != user.state:
            raise Conflict(_("active is {value}, which is not what the plan saw").format(value=user.active_text))
        self._removals.locked.add(before.account)
        try:
            self._write(user, active=False)
        except OutcomeUnknown:
            raise
        except Exception:
            self._removals.locked.discard(before.account)
            raise
        return Locked(Change.MADE, Login.NOT_TRIED, self._outcome(user))

    def unlock(self, before: BeforeImage) -> Change:
        """Make the account active, if it was active before.

        Raises `Missing` if the application removes inactive users.
        """
        try:
            user = self._service.user(before.account)
        except Missing as error:
            if self._removals.removes:
                raise Missing(_("the server removed the inactive user: it has to be created anew")) from error
            raise
        if before.state.get("active") == "false" or user.active:
            return Change.ALREADY
        self._write(user, active=True)
        self._removals.locked.discard(before.account)
        return Change.MADE

    def groups(self, account: AccountId) -> Sequence[Group]:
        """List the groups that name the account as a member, with a mark on licences."""
        found, ids = self._memberships.of(account), frozenset[str]()
        with suppress(Conflict):  # reading the licences says so; leaving a group does not wait for it
            ids = self._licences.group_ids() if found else ids
        return [replace(group, licence=group.id in ids) for group in found]

    def remove(self, account: AccountId, group: GroupId) -> Change:
        """Remove one member from one group."""
        return self._changes.remove(account, group)

    def restore(self, account: AccountId, group: GroupId) -> Change:
        """Add one member to one group again."""
        return self._changes.restore(account, group)

    def licences(self, account: AccountId) -> Sequence[Licence]:
        """Read the user's entitlements and groups, and return those that are licences by the settings."""
        with self._api.lookup():
            return self._licences.of(account)

    def reclaim(self, account: AccountId, licence: LicenceId) -> Change:
        """Take one entitlement from the user, or the user out of one group."""
        return self._licences.reclaim(account, licence)

    def give_licence(self, account: AccountId, licence: LicenceId) -> Change:
        """Give one entitlement back as it was, or add the user to one group again."""
        return self._licences.give(account, licence)

    def duties(self, account: AccountId) -> Iterator[Duty]:
        """Read roles and entitlements of the user, and the list for those whose manager it is."""
        with self._api.lookup():
            return iter(list(self._duties.of(account)))

    def unseen_duties(self, account: AccountId) -> Sequence[str]:
        """Return why the list may not show who reports to the user."""
        with self._api.lookup():
            return self._duties.unseen(account)

    def blockers(self, account: AccountId) -> Sequence[Blocker]:
        """Read from the application's schema whether `active` can be changed (RFC 7643, section 7)."""
        with self._api.lookup():
            user = self._service.user(account)
            mutability = "" if user.active is False else self._service.mutability("active")
        if mutability not in FIXED:
            return ()
        why = _("the application's schema says that active is {mutability}, so nobody is locked through SCIM.")
        remedy = _("Let the application's owner make active writable, or lock the account there by hand.")
        return (Blocker(Act.LOCK, why.format(mutability=mutability), remedy),)

    def duty_image(self, account: AccountId, duty: DutyId) -> DutyImage:
        """Read who the manager is, or the roles of the user."""
        with self._api.lookup():
            return self._duty_changes.image(account, duty)

    def give(self, image: DutyImage, successor: AccountId) -> Change:
        """Make the successor the manager; roles are not given."""
        return self._duty_changes.give(image, successor)

    def stop(self, image: DutyImage) -> Change:
        """Take the manager out, or take the role from the user."""
        return self._duty_changes.stop(image)

    def put_back(self, image: DutyImage, successor: AccountId | None) -> Change:
        """Restore the manager, or the role."""
        return self._duty_changes.put_back(image, successor)

    def _outcome(self, user: wire.User) -> str:
        if user.version and self._service.features().etag and not self._removals.removes:
            return _("made inactive")  # against the version that was read; what became of it, `observe` reads
        try:
            after = self._service.user(user.id)
        except Missing:
            if self._removals.removes:
                return _("made inactive, and the server removed the user")
            return _("made inactive, and the server removed the user: inactive_means should be removed here")
        except Unavailable as error:
            return _("made inactive, and not read back: {error}").format(error=error)
        if after.active:
            raise Conflict(_("the server accepted the change, but the account is still active"))
        return _("made inactive")

    def _write(self, user: wire.User, *, active: bool) -> None:
        """Write with a path, without one (GitHub), or the whole resource if PATCH is not supported."""
        ways: list[tuple[str, Mapping[str, Any]]] = [("PUT", user.replaced(active=active))]
        if self._service.features().patch:
            values = ({"path": "active", "value": active}, {"value": {"active": active}})
            ways = [*(("PATCH", wire.patch({"op": "replace"} | one)) for one in values), *ways]
        refusals: list[RequestRejected] = []
        for method, body in ways:
            if refusals and method == "PUT" and not isinstance(refusals[-1], Unsupported):
                break  # the server supports PATCH and refused: a PUT must not bypass that
            try:
                self._insist(user, method, body)
            except RequestRejected as refusal:
                refusals.append(refusal)
            else:
                return
        raise refusals[0]

    def _insist(self, user: wire.User, method: str, body: Mapping[str, Any]) -> None:
        """Write against the version that was read, whatever the server announces about ETags.

        A server that never matches weak ETags gets a request without one.
        """
        try:
            self._service.write(method, USERS, user.id, user.version, body)
        except Stale:
            now = self._service.user(user.id)
            if (now.version, now.active) != (user.version, user.active):
                raise
            self._service.write(method, USERS, user.id, "", body)
