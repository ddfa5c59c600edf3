"""What differs between directory servers; each dialect is a module with one class of this shape."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import ldap
from ldap.dn import explode_dn, explode_rdn

from connectors.contract import AccountId, Locked, Login, Verdict
from connectors.ldap.wire import Entry, Modification, equals, generalized_time


@dataclass(frozen=True, slots=True)
class Membership:
    """One way for a group to name its members: by DN, or by log-in name."""

    object_class: str
    attribute: str
    by_login: bool = False


class Dialect(Protocol):
    """How one kind of directory names, locks and describes its accounts. What has a body here holds for most."""

    identifier: str
    """The attribute that is the `AccountId`: never reused, survives renames."""
    login: str
    lock: str
    """What `observe` reads, for people."""
    attributes: Sequence[str]
    """What to ask for besides the usual attributes."""
    password: str
    """The attribute that a password is written to."""
    needs: str
    """The rights that locking needs, for people."""
    memberships: Sequence[Membership]
    people: str = "(objectClass=person)"
    """What counts as a person's account, where the settings do not say."""
    addresses: Sequence[tuple[str, str]] = (("mail", ""),)
    """Attributes that hold addresses, each with what stands before the address in it."""
    logins: Sequence[str] = ("uid",)
    """Attributes that hold log-ins."""
    referrals_are_normal: bool = False
    """Whether every search from the top also names parts of the directory that hold no people."""
    chain: str = ""
    """The matching rule that follows nested groups to their end, where the server has one."""
    password_may_stay: bool = False
    """Whether the lock is good without a new password, where the server refuses to change that."""
    unlocks_without_password: bool = False
    """Whether `unlock` takes the lock off alone, where the server refuses the password that was there before."""
    rewrites_unproven_lock: bool = False
    """Whether a lock that is there already, and that no answer proves, is written once more with a password to try."""
    cannot: Sequence[str] = ()
    """What it has no way to do and other dialects have, as sentences for the plan."""
    reveals_lock_without_password: bool = True
    """Whether the server may say that an account is locked to somebody who has not the right password."""
    refusals: tuple[type[Exception], ...] = (ldap.INVALID_CREDENTIALS,)
    """How the server refuses a log-in."""
    locked_query: str = ""
    """A filter for accounts that are locked for good, where the value of `lock` alone decides; else empty."""
    last_login: Sequence[str] = ()
    """Attributes that tell the last log-in, where the server keeps it."""
    changed_by: str = "modifiersName"
    """Who changed an entry last (RFC 4512 section 3.4); empty where the server does not tell."""
    changed_at: str = "modifyTimestamp"

    def canonical(self, wanted: str) -> AccountId:
        """Return an id as `identify` gives it; raises ValueError for what cannot be an id here."""
        form = wanted.strip("{}").lower()
        if str(UUID(form)) != form:  # UUID takes hyphens anywhere, and so the ids of other servers
            raise ValueError(f"{wanted!r} is not a UUID")
        return AccountId(form)

    def matches(self, wanted: str) -> str:
        """Return the filter for one id; raises ValueError for what cannot be an id here."""
        return equals(self.identifier, self.canonical(wanted))

    def identify(self, entry: Entry) -> AccountId:
        """Return the id of an entry, a person's or a group's."""
        return self.named(entry.first(self.identifier))

    def handle(self, entry: Entry) -> str:
        """Return what people know an account by: its log-in, or where it has none, its name in its folder."""
        return entry.text(self.login) or str(explode_rdn(explode_dn(entry.dn)[0], notypes=True)[0])

    def named(self, value: bytes) -> AccountId:
        """Return the id that a value of `identifier` stands for; empty where it is none."""
        return AccountId(value.decode("utf-8", "replace").lower())

    def moment(self, value: str) -> datetime | None:
        """Read a time as the server writes it; None for never, and for what is no time."""
        return generalized_time(value)

    def state(self, entry: Entry) -> Mapping[str, str]:
        """Return what a lock changes, as a before-image."""

    def verdict(self, entry: Entry) -> tuple[Verdict, str]:
        """Return locked or open, with a reason where it is not plain; unknown where it cannot be read."""

    def lost(self, state: Mapping[str, str]) -> tuple[str, ...]:  # noqa: ARG002
        """Return, as sentences, what never comes back of `state`, besides a hash that could not be read."""
        return ()

    def protects(self, entry: Entry) -> str:  # noqa: ARG002 - other dialects look at it, here and below
        """Return why an entry is not to be locked, as a sentence, or an empty text."""
        return ""

    def locking(self, entry: Entry, secret: str) -> Sequence[Modification]:
        """Return the one modification that locks an entry that is not locked for good."""

    def unproven_marking(self, login: Login) -> Sequence[Modification]:  # noqa: ARG002
        """Return what tells every later read that a lock let somebody in, or is not proved; mostly nothing can."""
        return ()

    def is_ours(self, entry: Entry) -> bool:
        """Whether there is a lock for `unlock` to take off."""
        return self.verdict(entry)[0] is Verdict.LOCKED

    def unlocking(self, entry: Entry, state: Mapping[str, str]) -> Sequence[Modification]:
        """Return the one modification that restores `state` on an entry that is locked for good."""

    def guard(self, entry: Entry) -> Sequence[Any]:  # noqa: ARG002
        """Return the controls that let a write through only while the entry is exactly as `entry`."""
        return ()

    def login_controls(self) -> Sequence[Any]:
        """Return the controls that make the server say why it refuses a log-in."""
        return ()

    def locked(self, secret_is_right: bool, refusal: Mapping[str, Any] | None) -> Locked:
        """Judge the log-in that was tried after a lock; `refusal` is the server's answer, None where it let us in."""

    def own_account_filter(self, bind_dn: str) -> str:  # noqa: ARG002
        """Return the filter for the bot's own account where `bind_dn` is no DN, or an empty text."""
        return ""

    def primary(self, entry: Entry) -> str:  # noqa: ARG002
        """Return the filter for the group that the entry belongs to without being named in it, or an empty text."""
        return ""

    @property
    def group_attributes(self) -> Sequence[str]:
        """Return what to ask of a group besides its members, so that `implicit_members_filter` can tell."""
        return ()

    def implicit_members_filter(self, group: Entry) -> str:  # noqa: ARG002
        """Return the filter for people who belong to a group without being named in it, or an empty text."""
        return ""

    def top(self, link: Any, directory: Any) -> str:  # noqa: ARG002
        """Return the filter for the group that the server itself gives full power, or an empty text: it has none."""
        return ""

    def missing_features(self, announced: frozenset[str]) -> Sequence[str]:  # noqa: ARG002
        """Return, from the OIDs that the server announces, what it lacks for locking."""
        return ()
