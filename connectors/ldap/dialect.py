"""What differs between directory servers; each dialect is a module with one class of this shape."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from connectors.contract import AccountId, Locked, Verdict
from connectors.ldap.wire import Entry, Modification


@dataclass(frozen=True, slots=True)
class Membership:
    """One way for a group to name its members: by DN, or by log-in name."""

    object_class: str
    attribute: str
    by_login: bool = False


class Dialect(Protocol):
    """How one kind of directory names, locks and describes its accounts."""

    identifier: str
    """The attribute that is the `AccountId`: never reused, survives renames."""
    login: str
    lock: str
    """What `observe` reads, for people."""
    attributes: Sequence[str]
    """What to ask for besides the usual attributes."""
    needs: str
    """The rights that locking needs, for people."""
    memberships: Sequence[Membership]
    locked_query: str = ""
    """A filter for accounts that are locked for good, where one value of `lock` decides; else empty."""

    def matches(self, wanted: str) -> str:
        """Return the filter for one id; raises ValueError for what cannot be an id here."""

    def state(self, entry: Entry) -> Mapping[str, str]:
        """Return what a lock changes, as a before-image."""

    def verdict(self, entry: Entry) -> tuple[Verdict, str]:
        """Return locked or open, with a reason where it is not plain."""

    def locking(self, entry: Entry, secret: str) -> Sequence[Modification]:
        """Return the one modification that locks an entry that is not locked for good."""

    def unlocking(self, state: Mapping[str, str]) -> Sequence[Modification]:
        """Return the one modification that restores `state` on an entry that is locked for good."""

    def guard(self, entry: Entry) -> Sequence[Any]:
        """Return the controls that let a write through only while the entry is exactly as `entry`."""

    def login_controls(self) -> Sequence[Any]:
        """Return the controls that make the server say why it refuses a log-in."""

    def locked(self, secret_is_right: bool, refusal: Mapping[str, Any] | None) -> Locked:
        """Judge the log-in that was tried after a lock; `refusal` is the server's answer, None where it let us in."""

    def missing_features(self, controls: frozenset[str]) -> Sequence[str]:
        """Return, from the OIDs that the server announces, what it lacks for locking."""


def account_id(entry: Entry, dialect: Dialect) -> AccountId:
    """Return the id of an entry."""
    return AccountId(entry.text(dialect.identifier).lower())
