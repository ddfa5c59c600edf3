"""Members, tokens and the session of a real BottleCRM."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import AccountId, Change, Person, Verdict
from connectors.errors import BadCredential, Conflict, Forbidden, OutcomeUnknown, Unavailable
from tests.connectors.bottlecrm.front import Answer, losing, rewriting
from tests.connectors.bottlecrm.world import AccountsWorld, TokensWorld
from tests.sandbox.company.bottlecrm_server import SECRET
from tests.sandbox.company.people import LEAVER


def expired() -> str:
    """Return an access token as the server makes it, of an hour ago."""
    claims = {"token_type": "access", "exp": int(time.time()) - 60, "iat": int(time.time()) - 3660, "jti": "x"}
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "HS256", "typ": "JWT"}, claims)
    )
    mark = hmac.new(SECRET.encode(), head + b"." + body, hashlib.sha256).digest()
    return b".".join((head, body, base64.urlsafe_b64encode(mark).rstrip(b"="))).decode()


def test_a_lock_refuses_everything_at_once_and_an_undo_brings_it_back(tokens: TokensWorld) -> None:
    """So tokens are revoked too; sessions can only expire."""
    account, server, connector = tokens.person(), tokens.server, tokens.connect()
    token, signed_in = tokens.issue(account, "script"), server.sign_in(server.email(account))
    assert signed_in
    before = connector.before(account)
    connector.lock(before)
    assert not tokens.works(token)
    assert not server.works(signed_in.access)
    assert server.call("POST", "/api/auth/refresh-token/", {"refresh": signed_in.refresh})[0] == 403
    assert [found.id for found in connector.tokens(account)] == [token]
    connector.unlock(before)
    assert tokens.works(token)
    assert server.works(signed_in.access)


def test_the_bot_does_not_lock_itself(people: AccountsWorld) -> None:
    server, connector = people.server, people.connect()
    with pytest.raises(Conflict, match="Handover itself"):
        connector.lock(connector.before(AccountId(server.profile_id(server.bot))))


def test_a_locked_bot_is_a_bad_credential(people: AccountsWorld) -> None:
    server, connector = people.server, people.connect()
    server.set_active(server.profile_id(server.bot), active=False)
    try:
        with pytest.raises(BadCredential):
            connector.check()
    finally:
        server.set_active(server.profile_id(server.bot), active=True)
    assert connector.check()


def test_the_seeded_leaver_is_found_with_a_before_image(people: AccountsWorld) -> None:
    [found] = people.connect().find(_leaver()).accounts
    assert (found.login, found.name, found.verdict) == (LEAVER.email, LEAVER.name, Verdict.OPEN)
    assert found.id == people.server.profile_id(LEAVER.email)


def test_a_token_of_somebody_less_is_forbidden_and_told_so(tokens: TokensWorld) -> None:
    account = tokens.person()
    weak = tokens.holding(tokens.issue(account, "weak"), tokens.server.email(account))
    with pytest.raises(Forbidden, match="role USER and sees its own records only"):
        weak.check()
    with pytest.raises(Forbidden, match="login says"):
        tokens.holding(tokens.issue(account, "weak"), "else@northwind.example").check()


def test_a_missing_scope_is_named(tokens: TokensWorld) -> None:
    bot = AccountId(tokens.server.profile_id(tokens.server.bot))
    narrow = json.dumps(["profile:read", "users:read", "accounts:read"])
    with pytest.raises(Forbidden, match="contacts:read"):
        tokens.holding(tokens.issue(bot, "narrow", narrow), tokens.server.bot).check()


def test_the_check_says_whether_tokens_can_be_revoked(tokens: TokensWorld, people: AccountsWorld) -> None:
    assert "session_file" not in tokens.connect().check()
    assert "no session_file" in people.connect().check()


def test_without_a_session_what_is_left_is_said(tokens: TokensWorld, people: AccountsWorld) -> None:
    account, connector = tokens.person(), people.connect()
    assert list(connector.tokens(account)) == []
    tokens.issue(account, "one")
    tokens.issue(account, "two")
    with pytest.raises(Forbidden, match=r"2 live personal token.*session_file"):
        connector.tokens(account)


def test_a_session_that_ran_out_in_the_middle_is_renewed(tokens: TokensWorld) -> None:
    account, connector = tokens.person(), tokens.connect()
    one, two = tokens.issue(account, "one"), tokens.issue(account, "two")
    held = tokens._file.read_text()
    assert connector.revoke(account, one) is Change.MADE
    renewed = tokens._file.read_text()
    assert renewed != held
    connector._tokens._session = {"Authorization": f"Bearer {expired()}"}
    assert connector.revoke(account, two) is Change.MADE
    assert tokens._file.read_text() != renewed
    assert tokens._file.stat().st_mode & 0o777 == 0o600


def test_two_programs_share_a_session(tokens: TokensWorld) -> None:
    account = tokens.person()
    tokens.issue(account, "one")
    for connector in (tokens.connect(), tokens.connect(), tokens.connect()):
        assert len(connector.tokens(account)) == 1


def test_a_used_session_is_a_bad_credential_that_says_what_to_do(tokens: TokensWorld) -> None:
    account, used = tokens.person(), tokens._file.read_text()
    tokens.issue(account, "one")
    tokens.connect().tokens(account)
    tokens._file.write_text(used)
    with pytest.raises(BadCredential, match="sign in again"):
        tokens.connect().tokens(account)


def test_a_lost_renewal_is_unknown_first_and_then_bad(tokens: TokensWorld) -> None:
    account = tokens.person()
    tokens.issue(account, "one")
    with tokens.front.behaving(losing("POST")), pytest.raises(OutcomeUnknown, match="sign in again"):
        tokens.connect().tokens(account)
    with pytest.raises(BadCredential, match="sign in again"):
        tokens.connect().tokens(account)


def test_a_session_file_that_cannot_be_used_is_forbidden(tokens: TokensWorld, tmp_path: Path) -> None:
    account = tokens.person()
    tokens.issue(account, "one")
    tokens._file = tmp_path / "nowhere" / "session"
    with pytest.raises(Forbidden, match="No such file"):
        tokens.connect().tokens(account)


def _leaver() -> Person:
    return Person(LEAVER.name, (LEAVER.email,), (LEAVER.uid,))


@pytest.mark.parametrize("counted", [True, False])
def test_tokens_that_a_list_leaves_out_are_not_taken_for_none(tokens: TokensWorld, counted: bool) -> None:
    account, connector = tokens.person(), tokens.connect()
    tokens.issue(account, "script")

    def lie(method: str, path: str, pass_on: Callable[[], Answer | None]) -> Answer | None:
        if path.startswith("/api/org/tokens/"):
            return 200, b'{"tokens": []}'
        return pass_on()

    def uncount(answer: Any) -> Any:
        for half in ("active_users", "inactive_users"):
            for row in answer[half][half]:
                del row["active_token_count"]
        return answer

    with tokens.front.behaving(lie if counted else rewriting("/api/users/", uncount)):
        if counted:
            with pytest.raises(Unavailable, match="the list of tokens shows 0"):
                connector.tokens(account)
        else:
            assert [found.name.split()[0] for found in connector.tokens(account)] == ["script"]
