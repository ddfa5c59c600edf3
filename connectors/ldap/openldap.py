"""The OpenLDAP dialect: accounts are locked by the password policy overlay (slapo-ppolicy(5)).

Seen on slapd 2.5.13 and kept by tests/connectors/ldap:

- `pwdAccountLockedTime: 000001010000Z` locks for good; any other value is a lock for a time, after wrong passwords.
- Writing userPassword removes a lock: the overlay appends its own delete to the modify. A lock added in the same modify
  is lost too. A lock replaced by nothing makes the whole modify fail (NO_SUCH_ATTRIBUTE).
- The overlay appends nothing if there is no lock, or if the modify itself deletes the lock by MOD_DELETE. So one atomic
  modify does three things: delete the temporary lock if there is one, write the password, add the lock.
- The lock only works if the policy that applies has `pwdLockout: TRUE`; otherwise the right password still opens. A
  later read cannot see that, so a lock that failed is at once overwritten with another value (`HOLLOW`, `UNPROVED`).
- A policy may refuse the new password (`pwdMinAge`, `pwdSafeModify`), even to the bot's account. Then only the lock is
  written.
- The overlay sees no log-in by SASL (DIGEST-MD5, SCRAM, PLAIN). Those need a password that is stored in clear, and
  accept it though the account is locked. So such a password is always replaced.
- The assertion control (RFC 4528) on entryCSN refuses the write if the entry changed since it was read.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import ldap
from ldap.controls import AssertionControl, DecodeControlTuples
from ldap.controls.ppolicy import PasswordPolicyControl

from config.text import N_, _
from connectors.contract import Login, Verdict
from connectors.ldap.dialect import NUMBER, PASSWORD, Posix, hidden
from connectors.ldap.open_connections import of_slapd
from connectors.ldap.wire import Entry, Modification, both, equals, hashes

LOCK = "pwdAccountLockedTime"
FOR_GOOD = "000001010000Z"
HOLLOW, UNPROVED = "000001010000.1Z", "000001010000.2Z"
"""Locks equal to `FOR_GOOD` for slapd. For us: one that did not refuse a log-in, and one without proof."""
UNENFORCED = N_(
    "the directory accepts the log-in of a locked account: the password policy that applies must have pwdLockout: TRUE"
)
UNTRIED = N_(
    "a lock is written, but it is not proven: the old password stays, and a refused log-in gives no reason. Set "
    "ppolicy_use_lockout on the server, then lock again"
)
OWN_POLICY = "pwdPolicySubentry"
"""DN of an entry's own policy; entries without it have the default one."""
ACCOUNT_LOCKED = 1
"""The password policy control's error for a locked account."""
ASSERTION = "1.3.6.1.1.12"
VERSION = "entryCSN"
POLICY = "1.3.6.1.4.1.42.2.27.8.5.1"
MARK = "{CRYPT}!locked-by-handover!"
UNREADABLE = N_(
    "userPassword cannot be read, or there is none. It is the lock here, so the bot's account must be able to read it"
)


class Slapd(Posix):
    """The part that does not depend on how slapd locks."""

    certificates_pass = True
    open_connections = staticmethod(of_slapd)


class OpenLdap(Slapd):
    """Locks by pwdAccountLockedTime, together with a random password."""

    identifier = "entryUUID"
    lock = LOCK
    lock_may_be_missing = True
    last_login = ("authTimestamp", "pwdLastSuccess")
    locked_query = f"(&({LOCK}={FOR_GOOD})(!({OWN_POLICY}=*)))"
    """Accounts with a policy of their own are read one by one."""
    enforced_by_policy = clear_passwords_pass = True
    attributes = (identifier, VERSION, LOCK, OWN_POLICY, PASSWORD, NUMBER)
    password_may_stay = True
    rewrites_unproven_lock = True
    needs = N_("write access to userPassword, and read and write access to pwdAccountLockedTime, below base_dn")

    def verdict(self, entry: Entry) -> tuple[Verdict, str]:
        """Return `locked` only for the lock for good."""
        if not entry.shows(LOCK):
            return Verdict.UNKNOWN, hidden(LOCK)
        value = entry.text(LOCK)
        if value == FOR_GOOD:
            return Verdict.LOCKED, ""
        if value == HOLLOW:
            return Verdict.OPEN, _("{fault}; correct the policy, then lock again").format(fault=_(UNENFORCED))
        if value == UNPROVED:
            return Verdict.OPEN, _(UNTRIED)
        message = _("locked only for a time, since {value}, after wrong passwords")
        return Verdict.OPEN, message.format(value=value) if value else ""

    def locking(self, entry: Entry, secret: str) -> Sequence[Modification]:
        """Delete, write, add: the module's docstring gives the reason for this order."""
        return [
            *([(ldap.MOD_DELETE, LOCK, None)] if entry.text(LOCK) else []),
            (ldap.MOD_REPLACE, PASSWORD, [secret.encode()]),
            (ldap.MOD_ADD, LOCK, [FOR_GOOD.encode()]),
        ]

    def unlocking(self, entry: Entry, state: Mapping[str, str]) -> Sequence[Modification]:
        """Remove the lock and restore the person's own password, if its hash could be read."""
        changes: list[Modification] = [(ldap.MOD_DELETE, LOCK, None)]
        kept = state.get("password", "")
        if kept and kept != self.state(entry)["password"]:  # a policy may refuse even the present password (pwdMinAge)
            changes.append((ldap.MOD_REPLACE, PASSWORD, [line.encode() for line in kept.split("\n")]))
        if state.get("lock"):
            changes.append((ldap.MOD_ADD, LOCK, [state["lock"].encode()]))
        return changes

    def unproven_marking(self, login: Login) -> Sequence[Modification]:
        """Replace the lock for good, and nothing else, with another value."""
        value = HOLLOW if login is Login.ACCEPTED else UNPROVED
        return [(ldap.MOD_DELETE, LOCK, [FOR_GOOD.encode()]), (ldap.MOD_ADD, LOCK, [value.encode()])]

    def is_ours(self, entry: Entry) -> bool:
        """Return true for a lock that failed, too."""
        return entry.text(LOCK) in {FOR_GOOD, HOLLOW, UNPROVED}

    def guard(self, entry: Entry) -> Sequence[Any]:
        """Assert identity, version and lock: the overlay writes temporary locks without a new version."""
        lock = equals(LOCK, entry.text(LOCK)) if entry.text(LOCK) else f"(!({LOCK}=*))"
        return [AssertionControl(True, both(*_version(entry), lock))]

    def required_controls(self) -> Sequence[Any]:
        """Ask for the control of the overlay: slapd announces it if any of its databases has it."""
        return [PasswordPolicyControl(True)]

    def login_controls(self) -> Sequence[Any]:
        """Ask for the reason (needs `ppolicy_use_lockout` on the server)."""
        return [PasswordPolicyControl()]

    def judge(self, secret_is_right: bool, refusal: Mapping[str, Any] | None) -> tuple[Login, str]:
        """Accept a refusal as proof if the server names the lock, or if the password was the right one."""
        if refusal is None:
            return Login.ACCEPTED, _(UNENFORCED)
        controls = DecodeControlTuples(refusal.get("ctrls") or [])
        if any(isinstance(one, PasswordPolicyControl) and one.error == ACCOUNT_LOCKED for one in controls):
            return Login.REFUSED, _("the directory says: account locked")
        if secret_is_right:
            return (
                Login.REFUSED,
                _("the right password was refused; the directory does not say why (ppolicy_use_lockout is off)"),
            )
        return (
            Login.NOT_TRIED,
            _(
                "already locked, with a password that is not ours, and the directory gives no reason for its "
                "refusal. Either ppolicy_use_lockout is off, or the policy that applies has no pwdLockout: TRUE"
            ),
        )

    def missing_features(self, announced: frozenset[str]) -> Sequence[str]:
        """Return the features that slapd lacks. It announces the policy control only with the overlay loaded."""
        overlay = _('the password policy overlay (ppolicy; if it cannot be loaded, lock_by = "password" is next best)')
        wanted = {POLICY: overlay, ASSERTION: _("the assertion control (RFC 4528)")}
        return [title for oid, title in wanted.items() if oid not in announced]


class OpenLdapPassword(Slapd):
    """Locks by a password that nothing matches (`lock_by = "password"`), for a slapd without the overlay.

    A plain slapd has no lock. The lock here replaces userPassword with a value that is no password's hash, and stores
    the old hashes for an undo. It refuses log-ins by password against this directory, and nothing else. A person who
    may reset the password can open the account again; the next read shows that. `lock_by = "ppolicy"` is better
    wherever the overlay can be loaded. The value has 48 random bytes: a slapd without crypt(3) compares an unknown
    scheme as clear text.
    """

    cannot = (N_('Locking by password (lock_by = "password") leaves SSH keys, Kerberos and Samba hashes as they are.'),)
    identifier = OpenLdap.identifier
    lock = PASSWORD
    last_login = OpenLdap.last_login
    attributes = (identifier, VERSION, PASSWORD, NUMBER)
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
        ours = [value.startswith(MARK) for value in values]
        if all(ours):
            return Verdict.LOCKED, ""
        return Verdict.OPEN, _("it has a password that opens it") if any(ours) else ""

    def locking(self, entry: Entry, secret: str) -> Sequence[Modification]:  # noqa: ARG002 - the same for all
        """Replace every other value with ours."""
        return [(ldap.MOD_REPLACE, PASSWORD, [f"{MARK}{secret}".encode()])]

    def unlocking(self, entry: Entry, state: Mapping[str, str]) -> Sequence[Modification]:  # noqa: ARG002
        """Restore the hashes. If none could be stored, delete our value: an administrator sets a new password."""
        kept = [line.encode() for line in state.get("password", "").split("\n") if line]
        return [(ldap.MOD_REPLACE, PASSWORD, kept or None)]

    def guard(self, entry: Entry) -> Sequence[Any]:
        """Assert identity and version."""
        return [AssertionControl(True, both(*_version(entry)))]

    def judge(self, secret_is_right: bool, refusal: Mapping[str, Any] | None) -> tuple[Login, str]:  # noqa: ARG002
        """Accept no refusal as proof: every wrong password is refused. Only the read-back counts."""
        if refusal is None:
            return Login.ACCEPTED, _("the directory accepts a log-in with a value that is no password")
        return (
            Login.NOT_TRIED,
            _(
                'the password is one that nothing matches (lock_by = "password"); keys, Kerberos and sessions are '
                "not touched by that"
            ),
        )

    def missing_features(self, announced: frozenset[str]) -> Sequence[str]:
        """Return the features that slapd lacks even for this lock."""
        return [] if ASSERTION in announced else [_("the assertion control (RFC 4528)")]


def _version(entry: Entry) -> list[str]:
    return [equals(name, entry.text(name)) for name in (OpenLdap.identifier, VERSION)]
