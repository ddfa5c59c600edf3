"""The BottleCRM connector: its header lists the capabilities. Members are here, the book and the tokens elsewhere.

A member's profile owns records, and a lock makes it inactive. The address of the lock takes the user's id.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from config.identifiers import relatives
from config.text import _
from connectors.bottlecrm import wire
from connectors.bottlecrm.activities import ActivityLog
from connectors.bottlecrm.book import Book
from connectors.bottlecrm.duties import DutyLists
from connectors.bottlecrm.duty_changes import DutyChanging
from connectors.bottlecrm.introductions import WAYS, Introducing
from connectors.bottlecrm.rest import Rest
from connectors.bottlecrm.settings import BottleCrmSettings
from connectors.bottlecrm.tokens import PersonalTokens
from connectors.bottlecrm.wire import Member
from connectors.comparison import Comparison, Visible
from connectors.contract import (
    Account,
    AccountId,
    Accounts,
    Act,
    Activities,
    BeforeImage,
    Blocker,
    Blockers,
    BookOwners,
    Change,
    ClientActivity,
    Duty,
    DutyChanges,
    DutyId,
    DutyImage,
    Introduced,
    Introductions,
    IntroductionWay,
    Locked,
    Login,
    Lookup,
    LossRate,
    Moved,
    MoveOrder,
    Observation,
    Person,
    Record,
    RecordId,
    Roster,
    Token,
    Tokens,
    Verdict,
)
from connectors.errors import Conflict, ConnectorError, Forbidden, OutcomeUnknown, Unavailable
from connectors.http_connector import HttpConnector
from connectors.identifiers import folded_all, key, resembles

ADMINISTRATOR = "ADMIN"
"""The role that sees every record of the organization."""
CONTROLS = 2
"""Fewest members in a list that prove a lookup: one of them is our own user."""


class BottleCrm(HttpConnector, Accounts, Roster, Tokens, BookOwners, Introductions, Activities, DutyChanges, Blockers):
    """One organization in BottleCRM over REST.

    Safe for use by several threads; nothing is sent before the first call.
    """

    def __init__(self, settings: BottleCrmSettings) -> None:
        self._settings = settings
        self._rest = Rest(settings)
        self._api = self._rest.api
        self._tokens = PersonalTokens(self._rest, settings.session_file)
        self._book = Book(self._rest)
        session = self._tokens.signed_in if settings.session_file else None
        self._introducing = Introducing(self._rest)
        self._duties = DutyLists(self._rest, session)
        self._duty_changes = DutyChanging(self._rest, session, self._duties.of)
        self._activities = ActivityLog(self._rest, self._book)
        self._comparison = Comparison(self.visible, settings.login, settings.accounts_at_least)

    def __repr__(self) -> str:
        return f"BottleCrm({self._settings.url})"

    def own_account(self) -> str:
        """Return the address in the settings."""
        return self._settings.login

    def check(self) -> str:
        """Read the token's owner, and the lists that only an administrator may read."""
        profile = wire.at(self._rest.get("/api/profile/"), ("user_obj",))
        me = wire.member(profile)
        if me.email.casefold() != self._settings.login.casefold():
            raise Forbidden(
                _("the token belongs to {email}, and login says {login}").format(
                    email=me.email, login=self._settings.login
                )
            )
        if (role := str(profile.get("role"))) != ADMINISTRATOR:
            raise Forbidden(
                _("{email} has the role {role} and sees its own records only; it needs the role {needed}").format(
                    email=me.email, role=role, needed=ADMINISTRATOR
                )
            )
        self._rest.member(me.id)
        self._book.count(me.id)
        if self._settings.session_file is None:
            return _("BottleCRM at {url} as {email}; tokens are not revoked: no session_file").format(
                url=self._settings.url, email=me.email
            )
        self._tokens.every()
        return _("BottleCRM at {url} as {email}").format(url=self._settings.url, email=me.email)

    def blind_spots(self) -> Sequence[str]:
        """Return the kinds of records that the organization hides, and what the bot's role hides."""
        try:
            profile = wire.at(self._rest.get("/api/profile/"), ("user_obj",))
            hidden = self._book.hidden()
        except (ConnectorError, AttributeError) as error:
            return (_("cannot tell now what the token may not see: {error}").format(error=error),)
        off = _("the module of {kinds} is switched off: its records exist, and nobody sees or moves them")
        role = _("the token's role is {role}, and it sees its own records only")
        return (
            *((off.format(kinds=", ".join(hidden)),) if hidden else ()),
            *((role.format(role=profile.get("role")),) if profile.get("role") != ADMINISTRATOR else ()),
            *(self._comparison.look().unclear if self._comparison.possible else ()),
        )

    def shortfalls(self) -> Sequence[str]:
        """Return a count of members below `accounts_at_least`."""
        return self._comparison.look().missing if self._comparison.possible else ()

    def visible(self, seconds: float) -> Visible:  # noqa: ARG002 - 200 members in each call
        """List the ids of all members, inactive ones included."""
        return Visible(frozenset(one.id for one in self._rest.listed()))

    def find(self, person: Person) -> Lookup:
        """Look people up by address, which is the log-in, ignoring case and including inactive members."""
        texts = dict.fromkeys(text for text in (*person.emails, *person.logins) if text)
        if not texts:
            return Lookup((), _("the organization's members: no address and no log-in to look up"))
        with self._api.lookup():
            found = {one.id: one for text in texts for one in self._rest.listed(text) if wire.matched(person, one)}
        how = _("the organization's members by email: {sought}").format(sought=", ".join(texts))
        if found:
            return Lookup(tuple(map(wire.account, found.values())), how)
        return self._comparison.judged(self._searched(person, how), person)

    def _searched(self, person: Person, how: str) -> Lookup:
        """Read all members where a search finds none: one that a search misses, or that only resembles the person."""
        members = list(self._rest.listed())
        found = tuple(wire.account(one) for one in members if wire.matched(person, one))
        wanted = folded_all((*person.emails, *person.logins))
        text = _("the member {login} differs only in letters that are alike; a person must judge it")
        doubts = [text.format(login=one.email) for one in members if resembles((one.email,), wanted)]
        if not self._shows_us(members) or len(members) < CONTROLS:
            doubts.append(_("the list of members does not show our own user and another one"))
        return Lookup(found, _("{how}; all members read").format(how=how), () if found else tuple(doubts))

    def _shows_us(self, members: Iterable[Member]) -> bool:
        """Return whether a list has the control: our own user, whose token was accepted."""
        return any(key(one.email) == key(self._settings.login) for one in members)

    def related(self, person: Person) -> Sequence[Account]:
        """Search for addresses with a `+`, and by the affixes of administrators and guests in the address."""
        wanted, found = set(map(key, relatives(person.emails))), dict[AccountId, Member]()
        for email in person.emails:
            user, _at, domain = key(email).partition("@")
            for one in (*self._rest.listed(email), *self._rest.listed(f"{user}+")):
                address = key(one.email)
                if address in wanted or (address.startswith(f"{user}+") and address.endswith(f"@{domain}")):
                    found[one.id] = one
        return [wire.account(one) for one in found.values()]

    def read(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Account]:
        """Read many members from the organization's list, 200 at a time."""
        found = self._rest.members(accounts) if accounts else {}
        return {account: replace(wire.account(one), matched_by="id") for account, one in found.items()}

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        """Read many members from the organization's list, 200 at a time."""
        found = self._rest.members(accounts) if accounts else {}
        gone = wire.observation(None)
        if found.keys() < set(accounts):
            members = {one.id: one for one in self._rest.listed()}
            found = members | found
            if not self._shows_us(members.values()):
                reason = _("the list of members does not show our own user either")
                gone = Observation(Verdict.UNKNOWN, gone.how, reason)
        return self._comparison.observed(
            {account: wire.observation(found[account]) if account in found else gone for account in accounts}
        )

    def everyone(self) -> Iterator[Account]:
        """Stream every member, inactive ones included; each pass has as many as the server counts.

        Raises `Unavailable` if the list does not show our own user: it is then not the whole one.
        """
        shows_us = False
        for one in self._rest.listed():
            shows_us = shows_us or self._shows_us([one])
            yield wire.account(one)
        if not shows_us:
            raise Unavailable(_("the list of members does not show our own user either"))

    def locked(self) -> frozenset[AccountId]:
        """Read the whole list, and return the inactive members."""
        return frozenset(one.id for one in self.everyone() if one.verdict is Verdict.LOCKED)

    def before(self, account: AccountId) -> BeforeImage:
        """Read whether the member is active."""
        return wire.before(self._rest.member(account))

    def lock(self, before: BeforeImage) -> Locked:
        """Make the member inactive, which ends sessions and tokens. No log-in is tried: there is no password."""
        found = self._rest.member(before.account)
        if not found.active:
            return Locked(Change.ALREADY, Login.NOT_TRIED, _("was inactive already"))
        if before.state.get("active") != "true":
            raise Conflict(_("{email} was inactive when the plan was made and is active now").format(email=found.email))
        if found.email.casefold() == self._settings.login.casefold():
            raise Conflict(_("this is the user that Handover itself signs in as"))
        self._set(found, "Inactive")
        return Locked(Change.MADE, Login.NOT_TRIED, _("made inactive: log-ins, sessions and tokens are refused"))

    def unlock(self, before: BeforeImage) -> Change:
        """Make the member active again, if they were active before.

        Sessions and tokens that were not revoked work again until they expire.
        """
        found = self._rest.member(before.account)
        if before.state.get("active") != "true" or found.active:
            return Change.ALREADY
        self._set(found, "Active")
        return Change.MADE

    def tokens(self, account: AccountId) -> Sequence[Token]:
        """List live personal access tokens, in the session of `session_file`."""
        return self._tokens.tokens(account)

    def revoke(self, account: AccountId, token: str) -> Change:
        """Revoke one personal access token."""
        return self._tokens.revoke(account, token)

    def count(self, owner: AccountId) -> Mapping[str, int]:
        """Count companies, contacts, leads, deals, tickets, projects and tasks."""
        return self._book.count(owner)

    def records(self, owner: AccountId) -> Iterator[Record]:
        """Stream records in every stage, 200 at a time."""
        return self._book.records(owner)

    def owners(self, records: Sequence[RecordId]) -> Mapping[RecordId, AccountId | None]:
        """Read the first person whom each record is assigned to; `holders` has them all."""
        return {record: ids[0] if ids else None for record, ids in self.holders(records).items()}

    def holders(self, records: Sequence[RecordId]) -> Mapping[RecordId, tuple[AccountId, ...]]:
        """Read everybody whom each record is assigned to: from the list or one by one, whichever is cheaper."""
        return self._book.holders(records)

    def owner_counts(self) -> Mapping[AccountId, Mapping[str, int]]:
        """Read the lists of all kinds, 200 records at a time; a record of several people counts for each."""
        return self._book.owner_counts()

    def owner_faults(
        self, accounts: Sequence[AccountId], pools: Collection[str], on: date
    ) -> Mapping[AccountId, Mapping[str, str]]:
        """Read whether people are active members; BottleCRM knows no day on which somebody leaves."""
        del on
        return self._book.owner_faults(accounts, pools)

    def move(self, batch: Sequence[MoveOrder]) -> Sequence[Moved]:
        """Replace the owner with the successor, record by record; everybody else whom a record is assigned to stays."""
        return self._book.move(batch)

    def introduction_ways(self) -> Collection[IntroductionWay]:
        """Return the one way: a task."""
        return WAYS

    def introduce(
        self, client: RecordId, successor: AccountId, text: str, key: str, way: IntroductionWay
    ) -> Introduced:
        """Give the successor a task at the client's record, with the text."""
        return self._introducing.introduce(client, successor, text, key, way)

    def find_introduction(self, client: RecordId, key: str) -> Introduced | None:
        """Search the tasks at a client's record for the key."""
        return self._introducing.find(client, key)

    def introduced(self, sent: Sequence[Introduced]) -> Sequence[Introduced]:
        """Read whether each task is there, and whether somebody has it."""
        return self._introducing.read(sent)

    def activities(self, records: Sequence[RecordId], since: datetime) -> Mapping[RecordId, ClientActivity]:
        """Read calls, meetings and messages that people logged, and deals that ended."""
        return self._activities.of(records, since)

    def loss_rate(self, since: datetime, until: datetime) -> LossRate:
        """Count won and lost deals by their closing date."""
        return self._activities.loss_rate(since, until)

    def duties(self, account: AccountId) -> Iterator[Duty]:
        """Read rules, webhooks, forms, lead settings and teams that name the member."""
        with self._api.lookup():
            return iter(list(self._duties.of(account)))

    def unseen_duties(self, account: AccountId) -> Sequence[str]:
        """Return the lists that are refused, or whose module is switched off."""
        with self._api.lookup():
            return list(self._duties.unseen(account))

    def blockers(self, account: AccountId) -> Sequence[Blocker]:
        """Read the member: our own user is never locked, and live tokens need a session to be revoked."""
        with self._api.lookup():
            found = self._rest.member(account)
        said = []
        if found.active and key(found.email) == key(self._settings.login):
            why = _("this is the user that Handover itself signs in as.")
            said.append(Blocker(Act.LOCK, why, _("Give Handover a member of its own in BottleCRM.")))
        if found.tokens and self._settings.session_file is None:
            text = _("BottleCRM lets no personal token revoke the {count} live tokens of {email}.")
            why = text.format(count=found.tokens, email=found.email)
            said.append(Blocker(Act.REVOKE_TOKENS, why, _("Set session_file, or revoke them there by hand.")))
        return said

    def duty_image(self, account: AccountId, duty: DutyId) -> DutyImage:
        """Read the field of a rule, a form or a lead setting that names the member."""
        with self._api.lookup():
            return self._duty_changes.image(account, duty)

    def give(self, image: DutyImage, successor: AccountId) -> Change:
        """Put the successor into that field in the member's place."""
        return self._duty_changes.give(image, successor)

    def stop(self, image: DutyImage) -> Change:
        """Take the member out of that field."""
        return self._duty_changes.stop(image)

    def put_back(self, image: DutyImage, successor: AccountId | None) -> Change:
        """Write the former value of that field."""
        return self._duty_changes.put_back(image, successor)

    def _set(self, found: Member, status: str) -> None:
        self._rest.write("POST", f"/api/user/{found.user}/status/", {"status": status})
        try:
            now = self._rest.member(found.id)
        except Unavailable as error:
            raise OutcomeUnknown(
                _("{email} was made {status} and cannot be read back: {error}").format(
                    email=found.email, status=status.lower(), error=error
                )
            ) from error
        if now.active is not (status == "Active"):
            raise Conflict(
                _("BottleCRM accepted the change and {email} is not {status}").format(
                    email=found.email, status=status.lower()
                )
            )
