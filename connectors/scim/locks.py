"""Making an account inactive and active again: read, write with the version that was read, read again."""

from collections.abc import Callable, Sequence

from config.text import _
from connectors.contract import AccountId, BeforeImage, Change, Locked, Login
from connectors.errors import Conflict, Missing, OutcomeUnknown, Unavailable
from connectors.scim.faults import RequestRejected, Stale, Unversioned
from connectors.scim.removals import Removals
from connectors.scim.service import USERS, Service
from connectors.scim.wire import User

Send = Callable[[str], None]
"""A write that takes the version for If-Match, or an empty text."""


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
        self._removals.note(before.account)
        try:
            self._write(user, active=False)
        except OutcomeUnknown:
            raise
        except Exception:
            self._removals.forget(before.account)
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
        self._removals.forget(before.account)
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
        refusals: list[RequestRejected] = []
        for send in self._ways(user, active=active):
            if refusals and send.__name__ == "put" and not refusals[-1].unsupported:
                break  # the server supports PATCH and refused: a PUT must not bypass that
            try:
                self._insist(user, send)
            except RequestRejected as refusal:
                refusals.append(refusal)
            else:
                return
        raise refusals[0]

    def _ways(self, user: User, *, active: bool) -> Sequence[Send]:
        """Return the ways to write: with a path, without one (GitHub), the whole resource if PATCH is not supported."""

        def named(version: str) -> None:
            self._service.patch(USERS, user.id, version, {"op": "replace", "path": "active", "value": active})

        def pathless(version: str) -> None:
            self._service.patch(USERS, user.id, version, {"op": "replace", "value": {"active": active}})

        def put(version: str) -> None:
            self._service.replace(USERS, user.id, version, user.replaced(active=active))

        return (named, pathless, put) if self._service.features().patch else (put,)

    def _insist(self, user: User, send: Send) -> None:
        """Write against the version that was read.

        A server that never matches weak ETags gets a request without one.
        """
        try:
            send(self._version(user))
        except Unversioned:  # it announces no ETags, and requires them
            if not user.version:
                raise
            send(user.version)
        except Stale:
            now = self._service.user(user.id)
            if (now.version, now.active) != (user.version, user.active):
                raise
            send("")

    def _version(self, user: User) -> str:
        return user.version if self._service.features().etag else ""
