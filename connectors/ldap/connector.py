"""The LDAP connector: accounts and groups of a directory. Differences between servers are in the dialects.

Over 250 lines because it has the verbs of seven capabilities, each with its sentence for people.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from config.text import _
from connectors.comparison import PROOF_SECONDS, Comparison, Visible
from connectors.connections import ConnectionPool
from connectors.contract import (
    Account,
    AccountId,
    Accounts,
    Administrators,
    BeforeImage,
    Blocker,
    Blockers,
    Change,
    Duty,
    DutyChanges,
    DutyId,
    DutyImage,
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
    Recorder,
    Residual,
    Roster,
    Trace,
    Verdict,
)
from connectors.errors import ConnectorError, Unavailable
from connectors.ldap import absence, attribute_rights, blind_spots, blockers, own_account, references, roster, ways_in
from connectors.ldap.active_directory import ActiveDirectory
from connectors.ldap.connection import LdapConnection, part_only
from connectors.ldap.connections import LdapConnections
from connectors.ldap.dialect import Dialect
from connectors.ldap.directory import Directory
from connectors.ldap.ds389 import Ds389
from connectors.ldap.duty_changes import DutyChanging
from connectors.ldap.enforcement import Enforcement
from connectors.ldap.every_address import EveryAddress
from connectors.ldap.licences import LICENCES_UNNAMED, LicenceGroups
from connectors.ldap.locking import Locking, LockResult, random_password
from connectors.ldap.memberships import Memberships
from connectors.ldap.open_connections import none_left
from connectors.ldap.openldap import OpenLdap, OpenLdapPassword
from connectors.ldap.settings import LdapSettings
from connectors.ldap.wire import (
    Entry,
    account_names,
    below,
    both,
    describe,
    either,
    is_candidate,
    matched_by,
    person_filter,
    related_filter,
    same,
)

NOBODY = Person("")
BINDABLE = "(|(userPassword=*)(objectClass=simpleSecurityObject)(objectClass=posixAccount))"
"""Filter for entries that somebody may log in with, whoever they are named after."""
BLIND_SPOT_SECONDS, COUNT_SECONDS = 600.0, 2.0
"""Age at which blind spots are looked for again; time for counting then, as a plan waits for it."""
DIALECTS: Mapping[str, Callable[[LdapSettings], Dialect]] = {
    "openldap": lambda settings: OpenLdapPassword() if settings.lock_by == "password" else OpenLdap(),
    "active_directory": ActiveDirectory,
    "389ds": Ds389,
}


class Ldap(Accounts, Groups, Roster, Trace, Administrators, DutyChanges, Licences, Blockers):
    """One directory. Safe for use by several threads."""

    def __init__(self, settings: LdapSettings) -> None:
        self._settings = settings
        self._dialect = DIALECTS[settings.dialect](settings)
        self._connections = LdapConnections(settings, self._dialect)
        self._directory = Directory(settings, self._dialect, self._connections)
        self._locking = Locking(self._directory)
        self._memberships = Memberships(self._directory)
        self._licences = LicenceGroups(self._directory, self._memberships)
        self._duty_changes = DutyChanging(self._directory)
        self._enforcement = Enforcement(self._directory)
        self._certificates = ways_in.ClientCertificates(settings)
        self._addresses = EveryAddress(settings, self._dialect, self._connections)
        self._own_account, second = "", settings.compared()
        self._comparison = Comparison(
            self.visible,
            settings.bind_dn,
            settings.accounts_at_least,
            Ldap(second) if second else None,
            settings.compare_bind_dn,
        )
        self._blind_spots: tuple[float, Sequence[str]] = (float("-inf"), ())
        self._hidden: tuple[float, Sequence[str]] = (float("-inf"), ())
        self._hidden_references: tuple[float, Sequence[str]] = (float("-inf"), ())
        self._unsearched: tuple[float, Sequence[str]] = (float("-inf"), ())

    def __repr__(self) -> str:
        return f"Ldap({', '.join(self._settings.urls)}, base_dn={self._settings.base_dn!r})"

    def has_limitation(self, words: str) -> bool:
        """Return whether this sentence holds in the dialect."""
        if words == LICENCES_UNNAMED:
            return not self._settings.licence_groups
        return words in self._dialect.cannot or words not in (*ActiveDirectory.cannot, *OpenLdapPassword.cannot)

    def own_account(self) -> str:
        """Return the id of the account behind `bind_dn`; if no entry can be read, the log-in in it."""
        if not self._own_account:
            self._own_account = self._connections.run(
                lambda link: own_account.name(self._directory, link), _("looking up the bot's own account")
            )
        return self._own_account

    def residual(self, account: AccountId) -> Residual | None:
        """Return open connections, and tickets, for the time in the settings.

        They last no time where the monitor of every address shows that no connection is left.
        """
        if not self._settings.residual_hours:
            return None
        lasts = timedelta(hours=self._settings.residual_hours)
        with suppress(ConnectorError):  # without the monitor's answer they may last as long as the settings say
            if all(self._is_left_by(account, one) for one in self._addresses.each().values()):
                lasts = timedelta(0)
        return Residual(_(self._dialect.outlives), lasts)

    def _is_left_by(self, account: AccountId, server: LdapConnections) -> bool:
        look = partial(none_left, self._directory, account)
        return server.run(look, _("reading the open connections"))

    def check(self) -> str:
        """Log in, read at least one account, and check that the server takes writes and can lock at all.

        What else is missing is a blind spot, and so is each further address that fails or takes no writes.
        """

        def check(link: LdapConnection) -> str:
            said = own_account.check(self._directory, link)
            blind_spots.require_writes(self._directory, link)
            seen = [*blind_spots.find(self._directory, link), *self._licences.doubts(link)]
            self._blind_spots = time.monotonic(), seen
            return said

        def spare(url: str) -> str:
            alone = LdapConnections(self._settings.model_copy(update={"urls": (url,)}), self._dialect)
            try:
                alone.run(partial(blind_spots.require_writes, self._directory), _("checking {url}").format(url=url))
            except ConnectorError as error:
                return str(error)
            finally:
                alone.close()
            return ""

        said = self._connections.run(check, _("checking the directory"))
        self._comparison.look(0, float("inf"))
        seen_at, seen = self._blind_spots
        spares = map(spare, self._settings.urls if len(self._settings.urls) > 1 else ())
        enforced = self._enforcement.doubts(random_password())
        copies = self._addresses.differences(self._shown) if self._addresses.are_several else ()
        self._blind_spots = seen_at, [*seen, *filter(None, spares), *copies, *enforced]
        return said

    def _shown(self, server: LdapConnections) -> frozenset[str]:
        """Return what one address shows: names of accounts and groups, and ids of locked accounts."""

        def read(link: LdapConnection) -> frozenset[str]:
            seen = roster.visible(self._directory, link, float("inf"))
            locks = roster.locked(self._directory, link) if self._dialect.locked_query else frozenset()
            return seen.accounts | seen.others | locks

        return server.run(read, _("counting accounts"))

    def blind_spots(self) -> Sequence[str]:
        """Return what the last check found. After ten minutes, look again, and count for two seconds at most."""
        seen_at, seen = self._blind_spots
        if time.monotonic() - seen_at > BLIND_SPOT_SECONDS:
            look = partial(blind_spots.find, self._directory, seconds=COUNT_SECONDS)
            try:
                seen = self._connections.run(look, _("looking for blind spots"))
                seen = [*seen, *self._enforcement.doubts(random_password())]
                seen += self._connections.run(self._licences.doubts, _("reading the licence groups"))
            except ConnectorError as error:
                return (str(error),)
            self._blind_spots = time.monotonic(), seen
        unclear = () if self._told else self._comparison.look().unclear
        return [*seen, *unclear]

    def shortfalls(self) -> Sequence[str]:
        """Return what the second account sees and the bot's does not, and a count below `accounts_at_least`."""
        return self._comparison.look().missing

    def visible(self, seconds: float) -> Visible:
        """List the ids of people and groups."""
        return self._connections.run(
            lambda link: roster.visible(self._directory, link, time.monotonic() + seconds), _("counting accounts")
        )

    @property
    def _told(self) -> bool:
        """Return whether nothing is there to compare with, and the server itself counts the entries that it hides."""
        if self._comparison.possible:
            return False
        tells = partial(blind_spots.tells_hidden_entries, self._directory)
        return self._connections.run(tells, _("looking for blind spots"))

    def connections(self) -> ConnectionPool[LdapConnection]:
        """Return the pool that every read and write takes its connection from."""
        return self._connections.pool

    def use_recorder(self, recorder: Recorder) -> bool:
        """Record each search, and refuse all that would change something."""
        self._connections.use_recorder(recorder)
        return True

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()
        self._addresses.close()
        self._comparison.close()

    def find(self, person: Person) -> Lookup:
        """Look people up by the attributes that hold addresses and log-ins; names are not compared."""
        doing = _("looking a person up")
        found = self._connections.run(lambda link: self._lookup(link, person), doing, lookup=True)
        if not found.accounts:

            def look(server: LdapConnections) -> Sequence[str]:
                shown = server.run(lambda link: self._lookup(link, person), doing, lookup=True).accounts
                return [one.login for one in shown]

            found = replace(found, doubts=(*found.doubts, *self._addresses.doubts(look)))
        return self._comparison.judged(found, person)

    def related(self, person: Person) -> Sequence[Account]:
        """Search by employee number, by addresses with a `+`, and by the affixes of administrators and guests.

        Above `base_dn`, accounts with one of the person's own addresses or log-ins are looked for as well. So are all
        entries below the person's own that have a password, such as one for an application.
        """
        return self._connections.run(
            lambda link: [
                self._account(link, entry, NOBODY)
                for entry in self._related(link, person)
                if self._dialect.identify(entry) and self._dialect.is_account(entry)
            ],
            _("looking for further accounts of a person"),
        )

    def _related(self, link: LdapConnection, person: Person) -> Iterator[Entry]:
        query, base = related_filter(person, self._directory), self._settings.base_dn
        people, attributes = self._directory.people_filter, self._directory.attributes
        yield from link.search(base, both(people, query), attributes) if query else ()
        own = person_filter(self._dialect.with_implicit_logins(link, base, person), self._directory)
        for entry in [*link.search(base, own, ["1.1"], [])] if own else ():
            rows = link.search(entry.dn, BINDABLE, attributes, [])
            yield from (row for row in rows if not same(row.dn, entry.dn))
        if top := self._directory.naming_context(link) if own or query else "":
            rows = link.search(top, either([query, own]), attributes, [])
            yield from (row for row in rows if not below(row.dn, base))

    def read(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Account]:
        """Read entries by their ids, 50 to a request. An answer cut short is an error."""

        def read(link: LdapConnection) -> Mapping[AccountId, Account]:
            elsewhere: list[str] = []
            found = self._directory.people(link, accounts, self._directory.attributes, elsewhere)
            if elsewhere and len(found) < len(set(accounts)):
                raise Unavailable(part_only(elsewhere))
            return {
                account: replace(self._account(link, entry, NOBODY), matched_by=self._dialect.identifier)
                for account, entry in found.items()
            }

        return self._connections.run(read, _("reading accounts"))

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        """Read the lock of many accounts, 200 to a request, at every address.

        An answer cut short is an error, never `absent`.
        """
        return self._comparison.observed(self._addresses.observe(accounts, partial(self._observe, accounts)))

    def _observe(self, accounts: Sequence[AccountId], connections: LdapConnections) -> Mapping[AccountId, Observation]:
        attributes = (self._dialect.identifier, *self._dialect.attributes, *self._ways_in)

        def read(link: LdapConnection) -> tuple[Mapping[AccountId, Entry], Sequence[str]]:
            elsewhere: list[str] = []
            found = self._directory.people(link, accounts, attributes, elsewhere)
            doubts = [part_only(elsewhere)] if elsewhere else []
            if any(account not in found for account in accounts):
                doubts += self._hidden_entries(link)
            return found, doubts

        found, doubts = connections.run(read, _("reading accounts"))
        return {
            account: self._enforced(self._observation(account, found.get(account), doubts), found.get(account))
            for account in accounts
        }

    def locked(self) -> frozenset[AccountId]:
        """Read all accounts that every address shows locked, 1000 to a page.

        Those with another way in are left out, and read one by one.
        """
        if self._hidden_ways():
            return frozenset()

        def is_enforced(entry: Entry) -> bool:
            return not (self._dialect.enforced_by_policy and self._enforcement.fault(entry, random_password()))

        read, doing = partial(roster.locked, self._directory), _("listing locked accounts")
        read = partial(read, ways_in=self._ways_in, is_enforced=is_enforced)
        return frozenset.intersection(*(one.run(read, doing) for one in self._addresses.each().values()))

    def everyone(self) -> Iterator[Account]:
        """Stream all accounts below base_dn that match people_filter."""
        return self._connections.stream(partial(roster.everyone, self._directory), _("listing accounts"))

    def alive(self) -> Iterator[Account]:
        """Stream all accounts that match people_filter and are not locked."""
        return self._connections.stream(partial(roster.alive, self._directory), _("listing accounts"))

    def changed_by(self, account: AccountId, since: datetime) -> str:
        """Read the last change's actor and time, whatever it changed; some directories store only the time."""
        who, at = self._connections.run(
            lambda link: self._directory.last_change(link, account), _("reading who changed it")
        )
        if at is None or at < since or who.casefold() == self._settings.bind_dn.casefold():
            return ""
        return _("{who}, {at} UTC").format(
            who=who or _("somebody (the directory does not say who)"), at=f"{at:%Y-%m-%d %H:%M}"
        )

    def before(self, account: AccountId) -> BeforeImage:
        """Read the values that a lock changes, and the password's hash if it may be read."""
        entry = self._connections.run(lambda link: self._directory.person(link, account), _("reading an account"))
        return BeforeImage(account, self._dialect.state(entry))

    def lock(self, before: BeforeImage) -> Locked:
        """Change password and lock in one write, then try to log in with that password: it must be refused."""
        secret = random_password()
        done = self._connections.run(
            lambda link: self._locking.lock(link, before, secret), _("locking an account"), _(self._dialect.needs)
        )
        self._addresses.wait(before.account, partial(self._observe, [before.account]), Verdict.OPEN)
        return self._attempt(done, before)

    def unlock(self, before: BeforeImage) -> Change:
        """Remove the lock and restore the password's hash; an account that is not locked any more is left as it is."""
        done = self._connections.run(
            lambda link: self._locking.unlock(link, before), _("unlocking an account"), _(self._dialect.needs)
        )
        if late := self._addresses.wait(before.account, partial(self._observe, [before.account]), Verdict.LOCKED):
            words = _("{url} still shows it locked: changes do not reach that server")
            raise Unavailable(words.format(url=", ".join(late)))
        return done

    def lost(self, before: BeforeImage) -> tuple[str, ...]:
        """Return the losses of an unlock: a password that could not be read, is never shown, or was not taken back."""
        known = (*super().lost(before), *self._dialect.lost(before.state))
        several = "\n" in before.state.get("password", "")
        if known or not (several or self._dialect.unlocks_without_password):
            return known
        entry = self._connections.run(
            lambda link: self._directory.person(link, before.account), _("reading an account")
        )
        former, now = ({*state.get("password", "").split("\n")} for state in (before.state, self._dialect.state(entry)))
        if former == now:
            return ()
        if former & now:
            return (_("a further password: the directory took only one of them back"),)
        return (_("the password: it is not the former one, so a new one must be set"),)

    def groups(self, account: AccountId) -> Sequence[Group]:
        """List every group of the account, each with the groups that it is nested in, and a mark on licences."""
        return self._connections.run(
            lambda link: self._licences.marked(link, self._memberships.of(link, account)), _("reading groups")
        )

    def licences(self, account: AccountId) -> Sequence[Licence]:
        """List the licences that the account's groups give it, by the setting `licence_groups`."""
        return self._connections.run(lambda link: self._licences.of(link, account), _("reading licences"))

    def reclaim(self, account: AccountId, licence: LicenceId) -> Change:
        """Leave the group that gives the licence, as `remove` leaves a group."""
        return self._connections.run(
            lambda link: self._licences.reclaim(link, account, licence),
            _("taking a licence back"),
            _("write access to members"),
        )

    def give_licence(self, account: AccountId, licence: LicenceId) -> Change:
        """Join the group that gives the licence."""
        return self._connections.run(
            lambda link: self._licences.give(link, account, licence),
            _("giving a licence back"),
            _("write access to members"),
        )

    def remove(self, account: AccountId, group: GroupId) -> Change:
        """Delete one member's value from one group."""
        return self._connections.run(
            lambda link: self._memberships.remove(link, account, group),
            _("leaving a group"),
            _("write access to members"),
        )

    def restore(self, account: AccountId, group: GroupId) -> Change:
        """Add one member's value again."""
        return self._connections.run(
            lambda link: self._memberships.restore(link, account, group),
            _("joining a group"),
            _("write access to members"),
        )

    def duties(self, account: AccountId) -> Iterator[Duty]:
        """Search for the entries that name the account as owner, manager and the like, wherever we may see them."""
        read, doing = partial(references.duties, self._directory, account=account), _("looking for duties")
        return iter(self._connections.run(read, doing, lookup=True))

    def unseen_duties(self, account: AccountId) -> Sequence[str]:
        """Return the references that our account may not search for. They are counted again after ten minutes."""

        def read(link: LdapConnection) -> Sequence[str]:
            counted_at, hidden = self._hidden_references
            if time.monotonic() - counted_at > BLIND_SPOT_SECONDS:
                hidden = tuple(references.hidden(self._directory, link))
                self._hidden_references = time.monotonic(), hidden
            return [*hidden, *references.elsewhere(self._directory, link, account)]

        return self._connections.run(read, _("looking for duties"), lookup=True)

    def blockers(self, account: AccountId) -> Sequence[Blocker]:
        """Ask for our rights over the entry and its groups; a server that tells none gets writes without effect."""
        find = partial(blockers.find, self._directory, self._memberships, account=account)
        return self._connections.run(find, _("looking for refusals"), lookup=True)

    def duty_image(self, account: AccountId, duty: DutyId) -> DutyImage:
        """Read all values of the attribute that points to the account, and whether our account may change it."""
        return self._connections.run(
            lambda link: self._duty_changes.image(link, account, duty), _("reading a duty"), lookup=True
        )

    def give(self, image: DutyImage, successor: AccountId) -> Change:
        """Replace the account's DN with the successor's in one attribute of one entry."""
        return self._change_duty(lambda link: self._duty_changes.give(link, image, successor), image)

    def stop(self, image: DutyImage) -> Change:
        """Take the account's DN out of one attribute of one entry."""
        return self._change_duty(lambda link: self._duty_changes.stop(link, image), image)

    def put_back(self, image: DutyImage, successor: AccountId | None) -> Change:
        """Put the account's DN back into the attribute, and take the successor's out."""
        return self._change_duty(lambda link: self._duty_changes.put_back(link, image, successor), image)

    def _change_duty(self, change: Callable[[LdapConnection], Change], image: DutyImage) -> Change:
        needs = _("write access to {attribute}").format(attribute=image.duty.partition(":")[0])
        return self._connections.run(change, _("changing a duty"), needs)

    def full_power(self, account: AccountId) -> Sequence[str]:
        """Return Active Directory's own groups of administrators, if the account may be in them."""

        def read(link: LdapConnection) -> Sequence[str]:
            entry = self._directory.people(link, [account], self._directory.attributes, []).get(account)
            return self._dialect.full_power(link, self._directory, entry) if entry else ()

        return self._connections.run(read, _("reading the account's token")) if self._dialect.has_full_power else ()

    def administrators(self, group: str) -> Sequence[Account]:
        """Read the members of a group by its cn or id, or of a group from `full_power`."""
        return self._connections.run(
            lambda link: [
                self._account(link, entry, NOBODY)
                for entry in self._directory.proven(link, self._memberships.administrators(link, group))
            ],
            _("reading administrators"),
        )

    def headcount(self) -> int:
        """Count the accounts of people without reading more than their classes."""
        base, people = self._settings.base_dn, self._directory.people_filter
        return self._connections.run(
            lambda link: sum(map(self._dialect.is_person, link.search(base, people, ["objectClass"]))),
            _("counting people"),
        )

    # -- on one connection

    def _lookup(self, link: LdapConnection, person: Person) -> Lookup:
        person = self._dialect.with_implicit_logins(link, self._settings.base_dn, person)
        rows, doubts = self._directory.search(link, person)
        if not rows:
            doubts = [*doubts, *absence.doubts(self._directory, link, person), *self._hidden_entries(link)]
        doubts = [*doubts, *blind_spots.refusals(self._directory, link, rows), *self._plan_ways_in(rows)]
        alike = [row for row in rows if is_candidate(row, person, self._directory)]
        text = _("{dn} differs only in letters that are alike; a person must judge it")
        doubts = [*doubts, *(text.format(dn=row.dn) for row in alike)]
        accounts = tuple(self._account(link, row, person) for row in rows if row not in alike)
        return Lookup(accounts, describe(person, self._directory, self._settings.base_dn), tuple(doubts))

    def _plan_ways_in(self, rows: Sequence[Entry]) -> Iterator[str]:
        for row in rows:
            said = (ways_in.kept(self._dialect, row), ways_in.left_open(row, self._ways_in))
            yield from (f"{self._dialect.handle(row)}: {words}" for words in said if words)
        if rows and self._dialect.certificates_pass and (fault := self._certificates.fault()):
            yield fault

    def _hidden_entries(self, link: LdapConnection) -> Sequence[str]:
        """Return what the server says of entries that it hides, not older than the minute of a proof."""
        looked_at, hidden = self._hidden
        if time.monotonic() - looked_at > PROOF_SECONDS:
            end = time.monotonic() + COUNT_SECONDS
            hidden = tuple(blind_spots.hidden_entries(self._directory, link, end))
            self._hidden = time.monotonic(), hidden
        return hidden

    def _account(self, link: LdapConnection, entry: Entry, person: Person) -> Account:
        named = entry.text("manager") if person is not NOBODY else ""
        manager = link.read_if_visible(named, ["mail"]) if named else None
        verdict = self._dialect.verdict(entry)[0]
        return Account(
            id=self._dialect.identify(entry),
            login=self._dialect.handle(entry),
            name=entry.text("displayName") or entry.text("cn"),
            verdict=verdict,
            matched_by=matched_by(entry, person, self._directory),
            email=entry.text("mail"),
            title=entry.text("title"),
            manager_email=manager.text("mail") if manager else "",
            **account_names(entry, self._directory, self._dialect.handle(entry)),
            before=BeforeImage(self._dialect.identify(entry), self._dialect.state(entry)),
            protected="" if verdict is Verdict.LOCKED else self._dialect.protects(entry),
            unusable=self._dialect.unusable(entry),
        )

    def _observation(self, account: AccountId, entry: Entry | None, doubts: Sequence[str]) -> Observation:
        how = _("{identifier} {account} below {base_dn}").format(
            identifier=self._dialect.identifier, account=account, base_dn=self._settings.base_dn
        )
        if entry is not None:
            verdict, reason = self._dialect.verdict(entry)
            return Observation(verdict, _("{lock} of {dn}").format(lock=self._dialect.lock, dn=entry.dn), reason)
        if not self._directory.could_be(account):
            return Observation(
                Verdict.UNKNOWN,
                how,
                _("this is not the form of an {identifier}").format(identifier=self._dialect.identifier),
            )
        return Observation(Verdict.UNKNOWN if doubts else Verdict.ABSENT, how, "; ".join(doubts))

    def _enforced(self, seen: Observation, entry: Entry | None) -> Observation:
        """Return an observation whose lock is believed only if the server enforces it, and no other way in is seen."""
        if entry is None or seen.verdict is not Verdict.LOCKED:
            return seen
        fault = self._enforcement.fault(entry, random_password()) if self._dialect.enforced_by_policy else ""
        fault = (
            fault or ways_in.left_open(entry, self._ways_in) or self._enforcement.clear_password(self._dialect, entry)
        )
        fault = fault or self._hidden_ways()
        return replace(seen, verdict=Verdict.UNKNOWN, reason=fault) if fault else seen

    def _hidden_ways(self) -> str:
        """Return why no lock is believed here: certificates, or keys that may not be read."""
        if not self._dialect.certificates_pass:
            return ""
        looked_at, names = self._unsearched
        if time.monotonic() - looked_at > BLIND_SPOT_SECONDS:
            look = partial(attribute_rights.hidden_ways, self._directory)
            names = self._connections.run(look, _("looking for ways in beside the password"))
            self._unsearched = time.monotonic(), names
        return self._certificates.fault() or ways_in.hidden(names)

    @property
    def _ways_in(self) -> tuple[str, ...]:
        return () if self._dialect.lock_holds_everywhere else self._settings.ways_in

    def _attempt(self, done: LockResult, before: BeforeImage) -> Locked:
        if not done.secret and not self._dialect.reveals_lock_without_password:
            note = _("no log-in was tried: the directory says why it refuses only to somebody with the right password")
            return Locked(done.change, Login.NOT_TRIED, "; ".join((note, *done.not_done)), done.not_done)
        try:
            refusal = self._connections.try_login(
                done.dn, done.secret or random_password(), self._dialect.login_controls()
            )
        except ConnectorError as error:
            return Locked(done.change, Login.NOT_TRIED, "; ".join((str(error), *done.not_done)), done.not_done)
        login, detail = self._dialect.judge(bool(done.secret), refusal)
        judged = Locked(done.change, login, "; ".join((detail, *done.not_done)), done.not_done)
        unproved = login is Login.NOT_TRIED and not done.secret and self._dialect.rewrites_unproven_lock
        if unproved and done.change is Change.ALREADY:
            return self._prove(judged, before)
        if unproved or login is Login.ACCEPTED:
            with suppress(ConnectorError):  # the next try does it again
                self._connections.run(
                    lambda link: self._locking.mark_unproven(link, before.account, login), _("locking an account")
                )
        return judged

    def _prove(self, judged: Locked, before: BeforeImage) -> Locked:
        """Try a lock by somebody else with a password of our own; if that fails, the earlier judgement stays."""
        secret, doing = random_password(), _("locking an account")
        try:
            done = self._connections.run(lambda link: self._locking.lock(link, before, secret, anew=True), doing)
        except ConnectorError as error:
            return replace(judged, detail=f"{judged.detail}; {error}")
        return self._attempt(done, before) if done.secret else judged
