"""Users of a Tryton server: lookups, locks and ends of sessions.

A write of `active`, even of the present value, ends all sessions and forgets all devices of the user (trytond 8.2
res/user.py, `on_modification`; tried). Every write here carries the time stamp of the read before it. So Tryton itself
refuses it if somebody else wrote in between.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from config.text import _
from connectors.contract import AccountId, BeforeImage, Change, Locked, Login, Lookup, Observation, Person, Verdict
from connectors.errors import Conflict, Forbidden, Missing
from connectors.tryton import wire
from connectors.tryton.rpc import Rpc

MODEL = "res.user"


class Users:
    """`res.user` by id."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    def rows(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Read users, including inactive ones; missing users are not in the answer."""
        if not ids:
            return {}
        domain = [["id", "in", list(ids)], wire.ANY_STATE]
        found = self._rpc.read(f"{MODEL}.search_read", domain, 0, None, None, wire.USER_FIELDS)
        return {row["id"]: row for row in found}

    def row(self, account: AccountId) -> dict[str, Any]:
        """Read one user. Raises `Missing`."""
        number = wire.user_id(account)
        found = self.rows([number]).get(number) if number is not None else None
        if number is None or found is None:
            raise Missing(_("Tryton has no user {account}").format(account=account))
        return found

    def find(self, person: Person) -> Lookup:
        """Look a person up by address and by log-in."""
        how = _("res.user by email and login: {sought}").format(sought=", ".join((*person.emails, *person.logins)))
        if not (person.emails or person.logins):
            return Lookup((), _("res.user: no address and no log-in to look up"))
        asked = (wire.lookup(person), 0, None, None, wire.USER_FIELDS)
        rows = self._rpc.read(f"{MODEL}.search_read", *asked, context=wire.ALL)
        hits = [(row, wire.matched(person, row)) for row in rows]
        return Lookup(tuple(wire.account(row, by) for row, by in hits if by), how)

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        """Read many users in one call."""
        numbers = {account: wire.user_id(account) for account in accounts}
        rows = self.rows([number for number in numbers.values() if number is not None])
        return {a: _malformed() if n is None else wire.observation(rows.get(n)) for a, n in numbers.items()}

    def before(self, account: AccountId) -> BeforeImage:
        """Read the values that a lock changes."""
        return wire.before(account, self.row(account))

    def lock(self, before: BeforeImage) -> Locked:
        """Make the user inactive; Tryton ends the sessions itself."""
        row = self.row(before.account)
        if not row["active"]:
            return Locked(Change.ALREADY, Login.NOT_TRIED, _("was inactive already"))
        if before.state.get("active") != "true":
            raise Conflict(
                _("user {login} was inactive when the plan was made and is active now").format(login=row["login"])
            )
        if row["id"] == self._rpc.user:
            raise Conflict(_("this is the user that Handover itself signs in as"))
        self.write(row, active=False)
        return Locked(
            Change.MADE, Login.NOT_TRIED, _("made inactive, {count} session(s) ended").format(count=row["sessions"])
        )

    def unlock(self, before: BeforeImage) -> Change:
        """Make the user active again, if they were active before."""
        row = self.row(before.account)
        if before.state.get("active") != "true" or row["active"]:
            return Change.ALREADY
        self.write(row, active=True)
        return Change.MADE

    def end_sessions(self, account: AccountId) -> Change:
        """Write the present value of `active`. Raises `Conflict` if the person signed in again meanwhile."""
        row = self.row(account)
        if not row["sessions"]:
            return Change.ALREADY
        self.write(row, active=bool(row["active"]))
        left = self.row(account)["sessions"]
        if left:
            raise Conflict(_("user {login} has {left} session(s) again").format(login=row["login"], left=left))
        return Change.MADE

    def write(self, row: Mapping[str, Any], *, active: bool) -> None:
        """Write `active` unless the user was written since `row` was read."""
        context = wire.unchanged(MODEL, [row])
        try:
            self._rpc.write(f"{MODEL}.write", [row["id"]], {"active": active}, context=context)
        except wire.ValidationRefused as refusal:
            if refusal.rights:
                raise Forbidden(_("Tryton: {refusal}").format(refusal=refusal)) from refusal
            raise


def _malformed() -> Observation:
    """Return the observation for a malformed id: not `absent`, as it was never looked up."""
    return Observation(Verdict.UNKNOWN, _("res.user by id"), _("this is not the form of a user's id"))
