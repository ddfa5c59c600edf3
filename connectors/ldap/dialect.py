"""Differences between directory servers; each dialect is a module with one class of this shape.

Over 250 lines because the author of a dialect reads this one page.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol
from uuid import UUID

import ldap
from ldap.dn import explode_dn, explode_rdn

from config.text import N_, _
from connectors.contract import AccountId, Duty, DutyKind, Login, Person, Verdict
from connectors.ldap.wire import Entry, Modification, both, equals, generalized_time, hashes

PASSWORD = "userPassword"  # noqa: S105 - an attribute's name
NUMBER = "gidNumber"
ROLE, OCCUPANT = "organizationalRole", "roleOccupant"
LOG_IN = frozenset({"inetorgperson", "posixaccount", "user"})
"""Classes of accounts, whatever other classes an entry has."""
GROUPS = ("groupOfNames", "groupOfUniqueNames", "groupOfMembers", "groupOfURLs", "posixGroup")
PROGRAM = "simplesecurityobject"
"""The class of a program's account, which is left out of lists of people."""


REFERENCES = {
    "owner": DutyKind.OWNED,
    OCCUPANT: DutyKind.OWNED,
    "manager": DutyKind.NAMED,
    "secretary": DutyKind.NAMED,
    "seeAlso": DutyKind.NAMED,
}
"""Attributes of RFC 4519, RFC 4524 and RFC 2798 that hold a person's DN."""


@dataclass(frozen=True, slots=True)
class Membership:
    """A form in which a group names its members: by DN, or by log-in name."""

    object_class: str
    attribute: str
    by_login: bool = False


class Dialect(Protocol):
    """One kind of directory: its names, its lock, its description of accounts.

    Methods with a body here hold for most.
    """

    identifier: str
    """The attribute that is the `AccountId`: never reused, survives renames."""
    login: str
    lock: str
    """Source that `observe` reads, as text for people."""
    attributes: Sequence[str]
    """Attributes to ask for besides the usual ones."""
    password: str
    """The attribute that a password is written to."""
    needs: str
    """The rights that locking needs, as text for people."""
    memberships: Sequence[Membership]
    written: Sequence[str] = ()
    """Attributes that a lock writes, if the server tells whether we may."""
    people: str
    """The filter for people in lists, unless the settings give one. Nobody is absent because of it."""
    rules: tuple[str, str] = ("", "")
    """Class and attribute of groups whose members follow from a rule, an LDAP URL; empty if there are none."""
    token: str = ""
    """Attribute of a person with all groups that the server counts, wherever they are; empty if there is none."""
    roles: str = ""
    """Attribute of a person with the DNs of all roles, which are read and never left; empty if there are none."""
    references: Mapping[str, DutyKind] = MappingProxyType(REFERENCES)
    """Attributes by which other entries point to a person's DN, each with what that makes of them."""
    own_duties_need: Sequence[str] = ()
    """Attributes that `own_duties` needs."""
    addresses: Sequence[tuple[str, str]] = (("mail", ""),)
    """Attributes that hold addresses, each with the prefix before the address in it."""
    logins: Sequence[str] = ("uid",)
    """Attributes that hold log-ins."""
    referrals_are_normal: bool = False
    """True if every search from the top also names parts of the directory that hold no people."""
    chain: str = ""
    """The matching rule that follows nested groups to their end, if the server has one."""
    password_may_stay: bool = False
    """True if the lock holds without a new password, for a server that refuses to change it."""
    unlocks_without_password: bool = False
    """True if `unlock` removes only the lock when the server refuses the former password."""
    names_values: bool = False
    """True if changes name the values that were read, as the server has no assertion control."""
    rewrites_unproven_lock: bool = False
    """True if an unproven lock is written once more with a password to try."""
    lock_holds_everywhere: bool = False
    """True if the lock refuses every kind of log-in, whatever else the entry holds."""
    clear_passwords_pass: bool = False
    """True if a log-in by SASL with a password that is stored in clear opens a locked account."""
    certificates_pass: bool = False
    """True if a log-in by client certificate opens a locked account."""
    refused_ways: Mapping[str, str] = MappingProxyType({})
    """Attributes of ways in beside the password that the lock refuses, each with a plural noun for people."""
    enforced_by_policy: bool = False
    """True if a policy, which may change later, decides whether the lock is enforced."""
    outlives: str = N_("open connections")
    """Access that outlives a lock, as a plural noun for people."""
    has_full_power: bool = False
    """True if the server itself gives full power to groups that are the same everywhere."""
    cannot: Sequence[str] = ()
    """Acts that it cannot do and other dialects can, as sentences for the plan."""
    reveals_lock_without_password: bool = True
    """True if the server may report a lock to a client without the right password."""
    refusals: tuple[type[Exception], ...] = (ldap.INVALID_CREDENTIALS,)
    """The errors by which the server refuses a log-in."""
    control: str
    """The filter for accounts that are certainly people's: one of them shows that a lookup can find."""
    children: str = ""
    """The server's own count of the entries right below an entry, if it keeps one."""
    lock_may_be_missing: bool = False
    """True if an open account has no value of `lock`. A value that may not be read is then to be told from none."""
    locked_query: str = ""
    """A filter for accounts that are locked for good, if the value of `lock` alone decides; else empty."""
    no_accounts: frozenset[str] = frozenset({*map(str.casefold, GROUPS), "alias", "referral"})
    """Classes of entries that nobody logs in with."""
    verdict_attributes: Sequence[str] = ()
    """Attributes that a verdict needs besides `lock`."""
    last_login: Sequence[str] = ()
    """Attributes that hold the last log-in, if the server stores it."""
    changed_by: str = "modifiersName"
    """Attribute with the last change's actor (RFC 4512 section 3.4); empty if the server does not store it."""
    changed_at: str = "modifyTimestamp"
    group_attributes: Sequence[str] = ()
    """The attributes of a group, besides its members, that `implicit_members_filter` needs."""

    def canonical(self, wanted: str) -> AccountId:
        """Return an id as `identify` returns it. Raises ValueError for a text that cannot be an id here."""
        form = wanted.strip("{}").lower()
        if str(UUID(form)) != form:  # UUID takes hyphens anywhere, and so the ids of other servers
            raise ValueError(f"{wanted!r} is not a UUID")
        return AccountId(form)

    def matches(self, wanted: str) -> str:
        """Return the filter for one id. Raises ValueError for a text that cannot be an id here."""
        return equals(self.identifier, self.canonical(wanted))

    def identify(self, entry: Entry) -> AccountId:
        """Return the id of a person's or a group's entry."""
        return self.named(entry.first(self.identifier))

    def is_account(self, entry: Entry) -> bool:
        """Return whether an entry may be an account: everything that is not plainly something else."""
        classes = {name.casefold() for name in entry.all("objectClass")}
        return not classes & self.no_accounts or bool(classes & LOG_IN)

    def is_person(self, entry: Entry) -> bool:
        """Return whether an account belongs into a list of people: a program's does not.

        No filter can do this: a server that does not know a class finds nobody by its absence.
        """
        classes = {name.casefold() for name in entry.all("objectClass")}
        return self.is_account(entry) and (PROGRAM not in classes or bool(classes & LOG_IN))

    def handle(self, entry: Entry) -> str:
        """Return the name that people use for an account: its log-in, else its name in its folder."""
        return entry.text(self.login) or str(explode_rdn(explode_dn(entry.dn)[0], notypes=True)[0])

    def named(self, value: bytes) -> AccountId:
        """Return the id for a value of `identifier`; empty if the value is no id."""
        return AccountId(value.decode("utf-8", "replace").lower())

    def moment(self, value: str) -> datetime | None:
        """Read a time as the server writes it. None means never, or an unreadable value."""
        return generalized_time(value)

    def state(self, entry: Entry) -> Mapping[str, str]:
        """Return the values that a lock changes, as a before-image."""

    def verdict(self, entry: Entry) -> tuple[Verdict, str]:
        """Return locked or open, with a reason if it is not plain; unknown if it cannot be read."""

    def lost(self, state: Mapping[str, str]) -> tuple[str, ...]:  # noqa: ARG002
        """Return, as sentences, the losses of `state` besides a hash that could not be read."""
        return ()

    def protects(self, entry: Entry) -> str:  # noqa: ARG002 - other dialects look at it, here and below
        """Return the reason for which an entry may not be locked, as a sentence, or an empty text."""
        return ""

    def blocked(self, entry: Entry) -> tuple[str, str]:  # noqa: ARG002
        """Return why an entry may not be locked, and the act that ends that, as sentences; empty ones if it may."""
        return "", ""

    def locking(self, entry: Entry, secret: str) -> Sequence[Modification]:
        """Return the one modification that locks an entry that is not locked for good."""

    def unproven_marking(self, login: Login) -> Sequence[Modification]:  # noqa: ARG002
        """Return the change that marks a lock as failed or unproven for later reads; most dialects have none."""
        return ()

    def is_ours(self, entry: Entry) -> bool:
        """Return whether there is a lock for `unlock` to remove."""
        return self.verdict(entry)[0] is Verdict.LOCKED

    def unlocking(self, entry: Entry, state: Mapping[str, str]) -> Sequence[Modification]:
        """Return the one modification that restores `state` on an entry that is locked for good."""

    def guard(self, entry: Entry) -> Sequence[Any]:  # noqa: ARG002
        """Return the controls that allow a write only while the entry is exactly as `entry`."""
        return ()

    def login_controls(self) -> Sequence[Any]:
        """Return the controls that make the server give the reason when it refuses a log-in."""
        return ()

    def judge(self, secret_is_right: bool, refusal: Mapping[str, Any] | None) -> tuple[Login, str]:
        """Judge the log-in that was tried after a lock, with a reason for people.

        `refusal` is the server's answer, None if it accepted.
        """

    def with_implicit_logins(self, link: Any, base_dn: str, person: Person) -> Person:  # noqa: ARG002
        """Return the person with the log-ins that the server derives from a name and its domain."""
        return person

    def candidates_filter(self, link: Any, person: Person) -> str:  # noqa: ARG002
        """Return the filter for accounts that may be the person's, and are never taken for it, or an empty text."""
        return ""

    @property
    def readable_lock(self) -> str:
        """Return the filter for accounts whose lock can be seen."""
        lock = f"({self.lock}=*)"
        seen = f"(|{lock}(!{lock}))" if self.lock_may_be_missing else lock
        return both(seen, *(f"({name}=*)" for name in self.verdict_attributes))

    def required_controls(self) -> Sequence[Any]:
        """Return the controls that a database must know for locks there, as critical ones."""
        return ()

    def rights_attributes(self, wanted: Sequence[str]) -> Sequence[str]:
        """Return the attributes by which the server tells our rights to write `wanted`."""
        return wanted

    def rights_controls(self) -> Sequence[Any]:
        """Return the controls that ask the server for our rights."""
        return ()

    def unseen_groups(self, link: Any, directory: Any, entry: Entry) -> Mapping[str, str]:  # noqa: ARG002
        """Return the ids of groups that the server counts for an account and no membership that we see, with names."""
        return {}

    def own_duties(self, link: Any, directory: Any, entry: Entry) -> Iterator[Duty]:  # noqa: ARG002
        """Yield the duties that no reference to the DN shows, such as services that run as the account."""
        return iter(())

    def our_token(self, link: Any, directory: Any) -> Collection[bytes]:  # noqa: ARG002
        """Return the ids of the bot's own entry that the server gives rights to."""
        return ()

    def may_reset(self, entry: Entry, token: Collection[bytes]) -> bool | None:  # noqa: ARG002
        """Return whether we may reset a password; true where `refused` tells it, None where nothing does."""
        return True

    def refused(self, entry: Entry, wanted: Sequence[str]) -> Sequence[str]:  # noqa: ARG002
        """Return those of `wanted` that we may not write; none where the server does not tell."""
        return ()

    def refuses_people(self, link: Any, folder: str) -> bool:  # noqa: ARG002
        """Return whether the server says that we may create nobody in a folder, and so move nobody there."""
        return False

    @staticmethod
    def open_connections(link: Any) -> Any:  # noqa: ARG004
        """Return all connections to this server, from its monitor; None if it has none, or if we may not read it."""
        return None

    def own_account_filter(self, bind_dn: str) -> str:  # noqa: ARG002
        """Return the filter for the bot's own account if `bind_dn` is no DN, or an empty text."""
        return ""

    def primary(self, entry: Entry) -> str:  # noqa: ARG002
        """Return the filter for the group that the entry belongs to without being named in it, or an empty text."""
        return ""

    def implicit_members_filter(self, group: Entry) -> str:  # noqa: ARG002
        """Return the filter for people who belong to a group without being named in it, or an empty text."""
        return ""

    def full_power(self, link: Any, directory: Any, entry: Entry) -> Sequence[str]:  # noqa: ARG002
        """Return the names of groups to which the server itself gives full power, if the entry may be in them."""
        return ()

    def well_known(self, link: Any, directory: Any, group: str) -> str:  # noqa: ARG002
        """Return the filter for a group from `full_power`; empty for other names."""
        return ""

    def unusable(self, entry: Entry) -> str:
        """Return the reason for which nobody can log in to an open account now; an open account mostly has none."""
        verdict, reason = self.verdict(entry)
        return reason if verdict is Verdict.OPEN else ""

    def missing_features(self, announced: frozenset[str]) -> Sequence[str]:  # noqa: ARG002
        """Return the features that the server lacks for locking, from the OIDs that it announces."""
        return ()


def hidden(attribute: str) -> str:
    """Return the reason for a verdict without its attribute."""
    return _("{attribute} cannot be read: the bot's account needs the right to").format(attribute=attribute)


class Posix(Dialect):
    """The common part of Unix-minded directories (RFC 2307 and its successor "bis", core.schema of OpenLDAP).

    A group may be of two kinds at once, groupOfNames and the auxiliary posixGroup, and name its people under `member`
    and under `memberUid`. A person with a gidNumber also has a primary group that names nobody: the one with that
    gidNumber.
    """

    login = "uid"
    people = "(|(objectClass=person)(uid=*)(mail=*))"
    """By what an entry has: people are of many classes (`nsPerson`, `account` with `posixAccount`)."""
    control = "(|(objectClass=person)(objectClass=posixAccount)(objectClass=nsPerson))"
    password = PASSWORD
    memberships = (
        Membership("groupOfNames", "member"),
        Membership("groupOfMembers", "member"),
        Membership("groupOfUniqueNames", "uniqueMember"),
        Membership("posixGroup", "memberUid", by_login=True),
        Membership(ROLE, OCCUPANT),
    )
    rules = ("groupOfURLs", "memberURL")
    group_attributes = (NUMBER,)

    def state(self, entry: Entry) -> Mapping[str, str]:
        """Return the lock, and the password's hash if it may be read (never a clear password)."""
        return {"dn": entry.dn, "lock": entry.text(self.lock), "password": "\n".join(hashes(entry.all(PASSWORD)))}

    def primary(self, entry: Entry) -> str:
        """Return the filter for the account's primary group, or an empty text."""
        number = entry.text(NUMBER)
        return both(equals("objectClass", "posixGroup"), equals(NUMBER, number)) if number else ""

    def implicit_members_filter(self, group: Entry) -> str:
        """Return the filter for the accounts whose primary group this is, or an empty text."""
        number = group.text(NUMBER)
        return equals(NUMBER, number) if number else ""
