"""Making an account inactive and active again: read, write with the version that was read, read again."""

from collections.abc import Callable, Mapping
from typing import Any

from config.text import _
from connectors.contract import AccountId, BeforeImage, Change, Locked, Login, Observation, Verdict
from connectors.errors import Conflict, Missing, OutcomeUnknown, Unavailable
from connectors.scim.faults import RequestRejected, Stale, Unversioned
from connectors.scim.service import USERS, Service
from connectors.scim.wire import User, patch


class Removals:
    """Accounts that we have locked in an application that removes inactive users: a missing account may be a lock.

    Remembers the locks of this process; asks the caller for those of other processes or of earlier runs.
    """

    def __init__(self, *, removes: bool) -> None:
        self.removes = removes
        self.on_record: Callable[[AccountId], bool] = lambda _: False
        self.locked: set[AccountId] = set()
        """Locks that this process has sent, or is about to send; without those that were refused or undone."""

    def explains(self, account: AccountId) -> bool:
        """Return whether our own lock explains a missing account."""
        return self.removes and (account in self.locked or self.on_record(account))

    def gone(self, account: AccountId) -> Observation:
        """Return the observation for an account that the server does not have."""
        if self.explains(account):
            return Observation(
                Verdict.LOCKED,
                _("the server has no such account since it was made inactive here: it removes such users"),
            )
        return Observation(Verdict.ABSENT, _("looked up by id in /Users and not there"))


class Locks:
    """Writes `active` of users."""

    def __init__(self, service: Service, removals: Removals) -> None:
        self._service, self._removals = service, removals

    def before(self, account: AccountId) -> BeforeImage:
        """Read the values that a lock changes."""
        return BeforeImage(account, self._service.user(account).state)

    def lock(self, before: BeforeImage) -> Locked:
        """Make the account inactive, if it is as in `before`."""
        try:
            user = self._service.user(before.account)
        except Missing:
            if self._removals.explains(before.account):
                return Locked(Change.ALREADY, Login.NOT_TRIED, _("made inactive here, and removed by the server"))
            raise
        if user.active is False:
            return Locked(Change.ALREADY, Login.NOT_TRIED, _("was inactive already"))
        if before.state != user.state:
            raise Conflict(_("active is {value}, which is not what the plan saw").format(value=user.active_text))
        self._removals.locked.add(before.account)
        try:
            self._write(user, active=False)
        except OutcomeUnknown:
            raise
        except Exception:
            self._removals.locked.discard(before.account)
            raise
        return Locked(Change.MADE, Login.NOT_TRIED, self._outcome(user))

    def unlock(self, before: BeforeImage) -> Change:
        """Make the account active, if it was active before."""
        try:
            user = self._service.user(before.account)
        except Missing as error:
            if self._removals.removes:
                raise Missing(_("the server removed the inactive user: it has to be created anew")) from error
            raise
        if before.state.get("active") == "false" or user.active:
            return Change.ALREADY
        self._write(user, active=True)
        self._removals.locked.discard(before.account)
        return Change.MADE

    def _outcome(self, user: User) -> str:
        if self._version(user) and not self._removals.removes:
            return _("made inactive")  # against the version that was read; what became of it, `observe` reads
        try:
            after = self._service.user(user.id)
        except Missing:
            if self._removals.removes:
                return _("made inactive, and the server removed the user")
            return _("made inactive, and the server removed the user: inactive_means should be removed here")
        except Unavailable as error:
            return _("made inactive, and not read back: {error}").format(error=error)
        if after.active:
            raise Conflict(_("the server accepted the change, but the account is still active"))
        return _("made inactive")

    def _write(self, user: User, *, active: bool) -> None:
        """Write with a path, without one (GitHub), or the whole resource if PATCH is not supported."""
        ways: list[tuple[str, Mapping[str, Any]]] = [("PUT", user.replaced(active=active))]
        if self._service.features().patch:
            named = {"op": "replace", "path": "active", "value": active}
            ways[:0] = [("PATCH", patch(named)), ("PATCH", patch({"op": "replace", "value": {"active": active}}))]
        refusals: list[RequestRejected] = []
        for method, body in ways:
            if refusals and method == "PUT" and not refusals[-1].unsupported:
                break  # the server supports PATCH and refused: a PUT must not bypass that
            try:
                self._insist(user, method, body)
            except RequestRejected as refusal:
                refusals.append(refusal)
            else:
                return
        raise refusals[0]

    def _insist(self, user: User, method: str, body: Mapping[str, Any]) -> None:
        """Write against the version that was read.

        A server that never matches weak ETags gets a request without one.
        """
        try:
            self._service.write(method, USERS, user.id, self._version(user), body)
        except Unversioned:  # it announces no ETags, and requires them
            if not user.version:
                raise
            self._service.write(method, USERS, user.id, user.version, body)
        except Stale:
            now = self._service.user(user.id)
            if (now.version, now.active) != (user.version, user.active):
                raise
            self._service.write(method, USERS, user.id, "", body)

    def _version(self, user: User) -> str:
        return user.version if self._service.features().etag else ""
