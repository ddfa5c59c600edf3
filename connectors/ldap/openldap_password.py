"""OpenLDAP without the password policy overlay: locked by a password that nothing matches (`lock_by = "password"`).

A plain slapd has no lock. The lock here replaces userPassword with a value that is no password's hash, and stores the
old hashes for an undo. It refuses log-ins by password against this directory, and nothing else. A person who may reset
the password can open the account again; the next read shows that. `lock_by = "ppolicy"` is better wherever the overlay
can be loaded. The value has 48 random bytes: a slapd without crypt(3) compares an unknown scheme as clear text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import ldap
from ldap.controls import AssertionControl

from config.text import N_, _
from connectors.contract import Change, Locked, Login, Verdict
from connectors.ldap.openldap import ASSERTION, PASSWORD, OpenLdap
from connectors.ldap.posix import NUMBER
from connectors.ldap.wire import Entry, Modification, both, equals, hashes

MARK = "{CRYPT}!locked-by-handover!"
CANNOT = (N_('Locking by password (lock_by = "password") leaves SSH keys, Kerberos and Samba hashes as they are.'),)
UNREADABLE = N_(
    "userPassword cannot be read, or there is none: the bot's account must be able to read it, as it is the lock here"
)


class OpenLdapPassword(OpenLdap):
    """Locks by userPassword alone."""

    cannot = CANNOT
    lock = PASSWORD
    attributes = (OpenLdap.identifier, "entryCSN", PASSWORD, NUMBER)
    password_may_stay = False
    rewrites_unproven_lock = False
    needs = N_("read and write access to userPassword below base_dn")

    def state(self, entry: Entry) -> Mapping[str, str]:
        """Return the hashes (never a clear password); our own mark is none."""
        kept = [one for one in hashes(entry.all(PASSWORD)) if not one.startswith(MARK)]
        return {"dn": entry.dn, "password": "\n".join(kept)}

    def verdict(self, entry: Entry) -> tuple[Verdict, str]:
        """Return `locked` only if our mark is the only value."""
        values = entry.all(PASSWORD)
        if not values:
            return Verdict.UNKNOWN, _(UNREADABLE)
        if all(value.startswith(MARK) for value in values):
            return Verdict.LOCKED, ""
        return Verdict.OPEN, _("it has a password that opens it") if any(map(_marked, values)) else ""

    def locking(self, entry: Entry, secret: str) -> Sequence[Modification]:  # noqa: ARG002 - the same for all
        """Replace every other value with ours."""
        return [(ldap.MOD_REPLACE, PASSWORD, [f"{MARK}{secret}".encode()])]

    def unlocking(self, entry: Entry, state: Mapping[str, str]) -> Sequence[Modification]:  # noqa: ARG002
        """Restore the hashes. If none could be stored, delete our value: an administrator sets a new password."""
        kept = [line.encode() for line in state.get("password", "").split("\n") if line]
        return [(ldap.MOD_REPLACE, PASSWORD, kept or None)]

    def unproven_marking(self, login: Login) -> Sequence[Modification]:  # noqa: ARG002
        """Return nothing: the password itself is the lock, and is read."""
        return ()

    def is_ours(self, entry: Entry) -> bool:
        """Return whether our mark is the only value."""
        return self.verdict(entry)[0] is Verdict.LOCKED

    def guard(self, entry: Entry) -> Sequence[Any]:
        """Assert identity and version."""
        same = [equals(name, entry.text(name)) for name in (self.identifier, "entryCSN")]
        return [AssertionControl(True, both(*same))]

    def login_controls(self) -> Sequence[Any]:
        """Ask for nothing: without the overlay no reason is given."""
        return []

    def locked(self, secret_is_right: bool, refusal: Mapping[str, Any] | None) -> Locked:
        """Accept no refusal as proof: every wrong password is refused. Only the read-back counts."""
        change = Change.MADE if secret_is_right else Change.ALREADY
        if refusal is None:
            return Locked(change, Login.ACCEPTED, _("the directory accepts a log-in with a value that is no password"))
        return Locked(
            change,
            Login.NOT_TRIED,
            _(
                'the password is one that nothing matches (lock_by = "password"); keys, Kerberos and sessions are '
                "not touched by that"
            ),
        )

    def missing_features(self, announced: frozenset[str]) -> Sequence[str]:
        """Return the features that slapd lacks even for this lock."""
        return [] if ASSERTION in announced else [_("the assertion control (RFC 4528)")]


def _marked(value: str) -> bool:
    return value.startswith(MARK)
