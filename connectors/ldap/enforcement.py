"""Enforcement of locks under the password policy in force now (slapo-ppolicy(5)).

The lock is an attribute. Another policy, or a database without the overlay, ignores it later. One locked account of
each policy and folder is tried with a random password: slapd names the lock before it compares passwords (with
ppolicy_use_lockout). A folder may lie in a database of its own. If it gives no reason, the policy's own entry is read.
"""

import time
from collections.abc import Mapping, Sequence
from functools import partial

from ldap.controls import DecodeControlTuples
from ldap.controls.ppolicy import PasswordPolicyControl
from ldap.dn import dn2str, str2dn

from config.text import _
from connectors.ldap import ways_in
from connectors.ldap.absence import may_search
from connectors.ldap.connection import LdapConnection
from connectors.ldap.dialect import Dialect
from connectors.ldap.directory import Directory
from connectors.ldap.openldap import ACCOUNT_LOCKED, OWN_POLICY
from connectors.ldap.wire import Entry, both, equals

KEPT_SECONDS = 60.0
"""Seconds for which the answer for one policy and folder holds."""
DEPTH = 5
"""Parts of a folder's DN, from its end, that are looked at."""
MECHANISMS = "supportedSASLMechanisms"
MUST_LOCK, POLICY_CLASS = "pwdLockout", "pwdPolicy"


class Enforcement:
    """Proofs that locks are enforced, by policy."""

    def __init__(self, directory: Directory) -> None:
        self._directory, self._connections = directory, directory.connections
        self._seen: tuple[float, bool] = (float("-inf"), False)
        """Time and answer of the question whether an entry's own policy can be seen."""
        self._faults: dict[tuple[str, str], tuple[float, str]] = {}
        self._reveals = False
        """True once the server has named a lock: from then on its silence means something."""

    def fault(self, entry: Entry, secret: str) -> str:
        """Return why the lock of an entry is not believed, as a sentence; empty if nothing speaks against it."""
        policy, now = entry.text(OWN_POLICY), time.monotonic()
        place = (policy, _folder(entry.dn)) if policy or self._sees_policies(now) else ("", entry.dn)
        at, found = self._faults.get(place, (float("-inf"), ""))
        if now - at > KEPT_SECONDS:
            found = self._try(entry, policy, secret)
            self._faults[place] = (now, found)
        return found

    def clear_password(self, dialect: Dialect, entry: Entry) -> str:
        """Return why the lock of an entry with a password in clear is not believed, or an empty text."""
        if not ways_in.has_clear_password(dialect, entry):
            return ""
        root = self._connections.run(lambda link: link.read("", [MECHANISMS]), _("reading the kinds of log-in"))
        return ways_in.clear_password(dialect, entry, root.all(MECHANISMS) if root else ())

    def doubts(self, secret: str) -> Sequence[str]:
        """Return, as sentences, why locks may not be enforced: tried on an account that is locked, or read."""
        directory = self._directory
        dialect, base = directory.dialect, directory.settings.base_dn
        if not dialect.enforced_by_policy:
            return ()
        asked, query = [*dialect.attributes], both(directory.people_filter, dialect.locked_query)
        locked = self._connections.run(lambda link: link.first_person(base, query, asked), _("looking for locks"))
        fault = self.fault(locked, secret) if locked else ""
        look = partial(_of_policies, directory, default_is_proven=locked is not None)
        said = self._connections.run(look, _("reading password policies"))
        return [fault, *said] if fault else said

    def _sees_policies(self, now: float) -> bool:
        """Return whether an entry without a policy of its own shows that it has none. Else each lock is tried."""
        at, seen = self._seen
        if now - at > KEPT_SECONDS:
            look = partial(may_search, self._directory, attribute=OWN_POLICY)
            seen = self._connections.run(look, _("reading password policies"))
            self._seen = now, seen
        return seen

    def _try(self, entry: Entry, policy: str, secret: str) -> str:
        refusal = self._connections.try_login(entry.dn, secret, [PasswordPolicyControl()])
        if refusal is None:
            return _("the directory accepts any password for a locked account")
        answer = _policy_answer(refusal)
        if answer is None:
            return _("no password policy acts where {dn} lies, so nothing enforces the lock").format(dn=entry.dn)
        if answer.error == ACCOUNT_LOCKED:
            self._reveals = True
            return ""
        enforces = self._reads_lockout(policy) if policy else None
        if enforces or (enforces is None and not self._reveals and not policy):
            return ""
        named = policy or _("by default")
        return _("the password policy that applies now ({policy}) does not show that it enforces the lock").format(
            policy=named
        )

    def _reads_lockout(self, policy: str) -> bool:
        entry = self._connections.run(
            lambda link: link.read_if_visible(policy, [MUST_LOCK]), _("reading the password policy")
        )
        return entry is not None and entry.text(MUST_LOCK).upper() == "TRUE"


def _folder(dn: str) -> str:
    """Return the folder of an entry, as far as `DEPTH` parts of the DN tell it. Pure."""
    return str(dn2str(str2dn(dn)[1:][-DEPTH:])).casefold()


def _policy_answer(refusal: Mapping[str, object]) -> PasswordPolicyControl | None:
    controls = DecodeControlTuples(refusal.get("ctrls") or [])
    return next((one for one in controls if isinstance(one, PasswordPolicyControl)), None)


def _of_policies(directory: Directory, link: LdapConnection, *, default_is_proven: bool) -> Sequence[str]:
    """Return, as sentences, the policies of people that enforce no lock; or that none can be read.

    `default_is_proven`: a lock under the policy by default was tried.
    """
    base = directory.naming_context(link) or directory.settings.base_dn
    policies = list(link.search(base, equals("objectClass", POLICY_CLASS), [MUST_LOCK], []))
    if not policies and not default_is_proven:
        return (_("no password policy can be read and no account is locked, so nothing shows that locks are enforced"),)
    hollow = [row.dn for row in policies if row.text(MUST_LOCK).upper() != "TRUE"]
    own = _("the password policy {policy} does not show that it enforces locks, and it is people's own")
    said = [own.format(policy=dn) for dn in hollow if _has_people(directory, link, dn)]
    if default_is_proven:
        return said
    default = _("the password policy {policy} does not show that it enforces locks, and may be the one by default")
    return [
        *said,
        *(default.format(policy=dn) for dn in hollow if not link.first_person(base, equals(OWN_POLICY, dn), ["1.1"])),
    ]


def _has_people(directory: Directory, link: LdapConnection, policy: str) -> bool:
    query = both(directory.people_filter, equals(OWN_POLICY, policy))
    return any(map(directory.dialect.is_person, link.search(directory.settings.base_dn, query, ["objectClass"], [])))
