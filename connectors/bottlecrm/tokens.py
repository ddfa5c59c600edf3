"""Personal access tokens of members, listed and revoked in a signed-in session of an administrator.

No token may do that. A refresh token lives for 14 days and works once: its answer brings the next one (`auth_views.py`
OrgAwareTokenRefreshView). The file holds the valid one. Several threads and programs may share the file: it is locked
during a renewal.
"""

import fcntl
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TypeVar

from config.text import N_, _
from connectors.bottlecrm import wire
from connectors.bottlecrm.rest import Rest, body
from connectors.bottlecrm.wire import Json
from connectors.contract import AccountId, Change, Token
from connectors.errors import BadCredential, Conflict, Forbidden, Missing, OutcomeUnknown, Unavailable

T = TypeVar("T")
PATH = "/api/org/tokens/"
RENEWAL = "/api/auth/refresh-token/"
WHAT_TO_DO = N_("sign in again as that user and put the new refresh token into it")


class PersonalTokens:
    """`/api/org/tokens/`: every token of the organization, live or not, in one answer.

    Access tokens of the session live for an hour. They come from a file with a refresh token.
    """

    def __init__(self, rest: Rest, file: Path | None) -> None:
        self._rest, self._file = rest, file
        self._lock = Lock()
        self._session: Mapping[str, str] = {}

    def tokens(self, account: AccountId) -> Sequence[Token]:
        """List the member's live tokens. Without a session, only the absence of tokens can be shown."""
        found = self._rest.member(account)
        if found.tokens == 0:
            return ()
        counted = _("an unknown number of") if found.tokens is None else found.tokens
        try:
            live = [wire.token(row) for row in self._rows(account) if row.get("is_live")]
        except Forbidden as error:
            raise Forbidden(
                _("{tokens} live personal token(s) of {email} are left: {error}").format(
                    tokens=counted, email=found.email, error=error
                )
            ) from error
        if len(live) < (found.tokens or 0):
            text = _("{email} has {tokens} live personal token(s), and the list of tokens shows {count}")
            raise Unavailable(text.format(email=found.email, tokens=counted, count=len(live)))
        return live

    def revoke(self, account: AccountId, token: str) -> Change:
        """Revoke one token of the member. Raises `Missing` if the token is not theirs."""
        row = self._row(account, token)
        if row.get("revoked_at") or not row.get("is_live"):
            return Change.ALREADY
        self.signed_in(lambda proof: self._rest.write("DELETE", f"{PATH}{token}/", proof=proof))
        if self._row(account, token).get("is_live"):
            raise Conflict(_("BottleCRM accepted the change and the token is still live"))
        return Change.MADE

    def every(self) -> list[Json]:
        """Read every token of the organization."""
        found: list[Json] = wire.at(self.signed_in(lambda proof: self._rest.get(PATH, proof=proof)), ("tokens",))
        return found

    def _row(self, account: AccountId, token: str) -> Json:
        found = next((row for row in self._rows(account) if wire.identity(row) == token), None)
        if found is None:
            raise Missing(_("BottleCRM has no token {token} of {account}").format(token=token, account=account))
        return found

    def _rows(self, account: AccountId) -> list[Json]:
        return [row for row in self.every() if wire.at(row, ("owner", "id")) == account]

    def signed_in(self, send: Callable[[Mapping[str, str]], T]) -> T:
        """Send a request with the header of a session; if that is refused, once more with that of a new session."""
        proof = self._proof({})
        try:
            return send(proof)
        except BadCredential:
            return send(self._proof(proof))

    def _proof(self, refused: Mapping[str, str]) -> Mapping[str, str]:
        """Return the header of a session. Renew the session if there is none, or if `refused` is the present one."""
        with self._lock:
            if self._session in ({}, refused):
                self._session = {}
                self._session = {"Authorization": f"Bearer {self._renew()}"}
            return self._session

    def _renew(self) -> str:
        if self._file is None:
            raise Forbidden(_("BottleCRM lets no personal token see or revoke tokens: set session_file"))
        try:
            with self._file.with_name(f"{self._file.name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                return self._exchange(self._file)
        except OSError as error:
            raise Forbidden(_("session_file {file}: {why}").format(file=self._file, why=error.strerror)) from error

    def _exchange(self, file: Path) -> str:
        held = file.read_text(encoding="utf-8").strip()
        try:
            answer = body(self._rest.api.write("POST", RENEWAL, json={"refresh": held}))
        except (BadCredential, Forbidden) as error:
            raise BadCredential(
                _("BottleCRM refuses the session in {file} (used or expired): {what_to_do}").format(
                    file=file, what_to_do=_(WHAT_TO_DO)
                )
            ) from error
        except OutcomeUnknown as error:
            raise OutcomeUnknown(
                _("{error}; if the session in {file} is refused now, {what_to_do}").format(
                    error=error, file=file, what_to_do=_(WHAT_TO_DO)
                )
            ) from error
        _replace(file, wire.at(answer, ("refresh",)))
        return str(wire.at(answer, ("access",)))


def _replace(file: Path, text: str) -> None:
    """Replace the file atomically, readable only by its owner."""
    fresh = file.with_name(f"{file.name}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
