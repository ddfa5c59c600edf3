"""Personal access tokens of members, listed and revoked in a signed-in session of an administrator."""

from collections.abc import Sequence

from config.text import _
from connectors.bottlecrm import wire
from connectors.bottlecrm.members import OrganizationMembers
from connectors.bottlecrm.rest import Rest
from connectors.bottlecrm.session import Session
from connectors.bottlecrm.wire import Json
from connectors.contract import AccountId, Change, Token
from connectors.errors import BadCredential, Conflict, Forbidden, Missing

PATH = "/api/org/tokens/"


class PersonalTokens:
    """`/api/org/tokens/`: every token of the organization, live or not, in one answer."""

    def __init__(self, rest: Rest, directory: OrganizationMembers, session: Session) -> None:
        self._rest, self._directory, self._session = rest, directory, session

    def tokens(self, account: AccountId) -> Sequence[Token]:
        """List the member's live tokens. Without a session, only the absence of tokens can be shown."""
        found = self._directory.member(account)
        if not found.tokens:
            return ()
        try:
            return [wire.token(row) for row in self._rows(account) if row.get("is_live")]
        except Forbidden as error:
            raise Forbidden(
                _("{tokens} live personal token(s) of {email} are left: {error}").format(
                    tokens=found.tokens, email=found.email, error=error
                )
            ) from error

    def revoke(self, account: AccountId, token: str) -> Change:
        """Revoke one token of the member. Raises `Missing` if the token is not theirs."""
        row = self._row(account, token)
        if row.get("revoked_at") or not row.get("is_live"):
            return Change.ALREADY
        self._write(f"{PATH}{token}/")
        if self._row(account, token).get("is_live"):
            raise Conflict(_("BottleCRM accepted the change and the token is still live"))
        return Change.MADE

    def check(self) -> None:
        """Read the list once, in the session."""
        self._list()

    def _row(self, account: AccountId, token: str) -> Json:
        found = next((row for row in self._rows(account) if wire.identity(row) == token), None)
        if found is None:
            raise Missing(_("BottleCRM has no token {token} of {account}").format(token=token, account=account))
        return found

    def _rows(self, account: AccountId) -> list[Json]:
        return [row for row in self._list() if wire.at(row, ("owner", "id")) == account]

    def _list(self) -> list[Json]:
        proof = self._session.proof()
        try:
            answer = self._rest.get(PATH, proof=proof)
        except BadCredential:
            answer = self._rest.get(PATH, proof=self._session.proof(proof))
        found: list[Json] = wire.at(answer, ("tokens",))
        return found

    def _write(self, path: str) -> None:
        proof = self._session.proof()
        try:
            self._rest.write("DELETE", path, proof=proof)
        except BadCredential:
            self._rest.write("DELETE", path, proof=self._session.proof(proof))
