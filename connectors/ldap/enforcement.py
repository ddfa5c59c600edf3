"""Enforcement of locks under the password policy in force now (slapo-ppolicy(5)).

The lock is an attribute. Another policy, or a database without the overlay, ignores it later. One locked account of
each policy is tried with a random password: slapd names the lock before it compares passwords (with
ppolicy_use_lockout). If it gives no reason, the policy's own entry is read.
"""

import time
from collections.abc import Mapping

from ldap.controls import DecodeControlTuples
from ldap.controls.ppolicy import PasswordPolicyControl

from config.text import _
from connectors.ldap.connections import LdapConnections
from connectors.ldap.openldap import ACCOUNT_LOCKED, OWN_POLICY
from connectors.ldap.wire import Entry

KEPT_SECONDS = 60.0
"""Seconds for which the answer for one policy holds."""
MUST_LOCK = "pwdLockout"


class Enforcement:
    """Proofs that locks are enforced, by policy."""

    def __init__(self, connections: LdapConnections) -> None:
        self._connections = connections
        self._faults: dict[str, tuple[float, str]] = {}
        self._reveals = False
        """True once the server has named a lock: from then on its silence means something."""

    def fault(self, entry: Entry, secret: str) -> str:
        """Return why the lock of an entry is not believed, as a sentence; empty if nothing speaks against it."""
        policy, now = entry.text(OWN_POLICY), time.monotonic()
        at, found = self._faults.get(policy, (float("-inf"), ""))
        if now - at > KEPT_SECONDS:
            found = self._try(entry, policy, secret)
            self._faults[policy] = (now, found)
        return found

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


def _policy_answer(refusal: Mapping[str, object]) -> PasswordPolicyControl | None:
    controls = DecodeControlTuples(refusal.get("ctrls") or [])
    return next((one for one in controls if isinstance(one, PasswordPolicyControl)), None)
