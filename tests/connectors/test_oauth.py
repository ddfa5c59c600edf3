"""Access tokens from a real authorization server (Authlib), with its faults."""

import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import jwt
import pytest
from pydantic import SecretStr, ValidationError

from connectors.errors import BadCredential, Unavailable
from connectors.http import Timeouts
from connectors.oauth import AccessTokens
from connectors.oauth_settings import OAuthSettings
from tests.connectors.oauth_server import CLIENT, SECRET, OAuthServer, authorization_server, new_key, said

PRIVATE, PUBLIC = new_key()


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    with authorization_server(PUBLIC) as state:
        yield state


def settings(server: OAuthServer, **values: Any) -> OAuthSettings:
    known: dict[str, Any] = {"oauth": "client_credentials", "oauth_client_secret": SecretStr(SECRET)}
    address = {"oauth_token_url": f"{server.url}/token", "oauth_client_id": CLIENT}
    chosen = {key: value for key, value in (known | address | values).items() if value is not None}
    return OAuthSettings.model_validate(chosen)


def tokens(server: OAuthServer, **values: Any) -> AccessTokens:
    return AccessTokens(settings(server, **values), Timeouts(read=10, total=1), None, None)


@pytest.fixture
def refresh(server: OAuthServer, tmp_path: Path) -> dict[str, Any]:
    """Keys of the refresh grant, with a token that the server knows."""
    file = tmp_path / "refresh"
    file.write_text("first\n")
    file.chmod(0o600)
    server.refresh_tokens.add("first")
    return {"oauth": "refresh_token", "oauth_refresh_token_file": file}


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"oauth_client_auth": "body"},
        {"oauth_client_secret": None, "oauth_key": SecretStr(PRIVATE)},
        {"oauth": "jwt_bearer", "oauth_client_secret": None, "oauth_key": SecretStr(PRIVATE), "oauth_subject": "bot"},
        {"oauth": "jwt_bearer", "oauth_key": SecretStr(PRIVATE)},
    ],
)
def test_each_grant_gives_a_token_that_is_kept(server: OAuthServer, keys: dict[str, Any]) -> None:
    held = tokens(server, **keys)
    assert server.accepts(held.token())
    assert held.token() == held.known
    assert len(server.asked) == 1


def test_a_refresh_token_gives_a_token(server: OAuthServer, refresh: dict[str, Any]) -> None:
    held = tokens(server, **refresh)
    assert server.accepts(held.token())
    assert refresh["oauth_refresh_token_file"].read_text() == "first\n"


def test_a_token_is_renewed_before_it_ends(server: OAuthServer, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("connectors.oauth.time.monotonic", lambda: now[0])
    server.life = 100
    held = tokens(server)
    first = held.token()
    now[0] += 89
    assert held.token() == first
    now[0] += 2  # a tenth of its life is left
    assert held.token() != first


def test_a_life_that_is_a_lie_costs_one_more_request(server: OAuthServer) -> None:
    server.lives = 10_000_000
    held = tokens(server)
    first = held.token()
    server.end_tokens()
    assert held.renew()
    assert held.token() != first
    assert len(server.asked) == 2


def test_threads_share_one_renewal(server: OAuthServer) -> None:
    held, both = tokens(server), Barrier(8)

    def work(_number: int) -> None:
        held.token()
        both.wait()  # now each has the first token, and the server ends it
        server.end_tokens()
        both.wait()
        assert held.renew()
        assert server.accepts(held.token())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(server.asked) == 2


def test_a_wrong_clock_is_corrected_by_the_servers(server: OAuthServer, monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) - timedelta(minutes=10)

    monkeypatch.setattr("connectors.oauth.datetime", Late)
    held = tokens(server, oauth="jwt_bearer", oauth_client_secret=None, oauth_key=SecretStr(PRIVATE))
    assert server.accepts(held.token())  # the first assertion had ended before it was sent
    assert len(server.asked) == 2
    claims = jwt.decode(server.asked[1]["assertion"], options={"verify_signature": False})
    assert abs(claims["iat"] - datetime.now(UTC).timestamp()) < 60


def test_another_key_is_refused_without_a_second_try(server: OAuthServer) -> None:
    other, _public = new_key()
    held = tokens(server, oauth="jwt_bearer", oauth_client_secret=None, oauth_key=SecretStr(other))
    with pytest.raises(BadCredential, match="refused"):
        held.token()
    assert len(server.asked) == 1


def test_a_wrong_secret_names_what_to_do_and_never_itself(server: OAuthServer) -> None:
    held = tokens(server, oauth_client_secret=SecretStr("wr0ng-secret"))
    with pytest.raises(BadCredential, match=r"invalid_client\. Compare the oauth keys") as refused:
        held.token()
    assert "wr0ng" not in str(refused.value)


def test_a_refusal_is_not_repeated_at_once(server: OAuthServer, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("connectors.oauth.time.monotonic", lambda: now[0])
    server.answer = said({"error": "invalid_client"}, 401)
    held = tokens(server)
    for _ in range(50):
        with pytest.raises(BadCredential):
            held.token()
    assert len(server.asked) == 1
    server.answer = None
    now[0] += 21
    assert server.accepts(held.token())


def test_a_revoked_consent_says_where_the_new_token_belongs(server: OAuthServer, refresh: dict[str, Any]) -> None:
    server.revoked = True
    with pytest.raises(BadCredential, match="consent was revoked") as refused:
        tokens(server, **refresh).token()
    assert str(refresh["oauth_refresh_token_file"]) in str(refused.value)
    assert "first" not in str(refused.value)


def test_a_replaced_refresh_token_is_in_its_file_first(tmp_path: Path) -> None:
    with authorization_server(PUBLIC, rotates=True) as server:
        file = tmp_path / "refresh"
        file.write_text("first")
        file.chmod(0o600)
        server.refresh_tokens.add("first")
        keys = {"oauth": "refresh_token", "oauth_refresh_token_file": file}
        held = tokens(server, **keys)
        for _ in range(3):
            assert server.accepts(held.token())
            assert {file.read_text().strip()} == server.refresh_tokens
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            server.end_tokens()
            held.renew()
        assert server.accepts(tokens(server, **keys).token())  # after a restart
        assert [one["refresh_token"] for one in server.asked].count("first") == 1


def test_two_processes_never_use_one_refresh_token_twice(tmp_path: Path) -> None:
    with authorization_server(PUBLIC, rotates=True) as server:
        file = tmp_path / "refresh"
        file.write_text("first")
        file.chmod(0o600)
        server.refresh_tokens.add("first")
        held = [tokens(server, oauth="refresh_token", oauth_refresh_token_file=file) for _ in range(6)]
        with ThreadPoolExecutor(6) as pool:
            got = list(pool.map(AccessTokens.token, held))
        assert all(map(server.accepts, got))
        used = [one["refresh_token"] for one in server.asked]
        assert len(used) == len(set(used)) == 6


def test_a_lost_answer_at_a_rotation_is_said(server: OAuthServer, refresh: dict[str, Any]) -> None:
    server.lose_answer = True
    with pytest.raises(Unavailable, match="if the refresh token was replaced") as lost:
        tokens(server, **refresh).token()
    assert "first" not in str(lost.value)
    assert len(server.asked) == 1  # a second use of one refresh token may revoke the consent


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"error": "invalid_scope"}, 200, BadCredential),  # a refusal with the status of success
        ({"access_token": "x", "token_type": "mac"}, 200, BadCredential),
        ({"token_type": "Bearer"}, 200, Unavailable),
        ({"access_token": "x\r\nHost: evil", "token_type": "Bearer"}, 200, Unavailable),
        ({"access_token": ["x"]}, 200, Unavailable),
        ("<html>", 200, Unavailable),
        ({"error": "temporarily_unavailable"}, 503, Unavailable),
        ({}, 500, Unavailable),
        ({}, 404, BadCredential),
        ({"error": "<!channel> secret"}, 400, BadCredential),
    ],
)
def test_answers_that_are_no_token(server: OAuthServer, body: object, status: int, error: type[Exception]) -> None:
    server.answer = said(body, status)
    held = tokens(server)
    with pytest.raises(error) as refused:
        held.token()
    assert "evil" not in str(refused.value)
    assert "<!channel>" not in str(refused.value)
    assert held.known == ""


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"oauth_client_secret": None}, "oauth_client_secret: is missing"),
        ({"oauth_token_url": "http://login.example/token"}, "unprotected"),
        ({"oauth_token_url": "login.example"}, "is no address"),
        ({"oauth": "jwt_bearer"}, "oauth_key: is missing"),
        ({"oauth": "refresh_token"}, "oauth_refresh_token_file: is missing"),
        ({"oauth": None, "oauth_client_secret": None}, "has no effect without oauth"),
    ],
)
def test_keys_that_contradict_are_refused(server: OAuthServer, keys: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        settings(server, **keys)


def test_a_key_that_cannot_sign_is_said(server: OAuthServer) -> None:
    held = tokens(server, oauth="jwt_bearer", oauth_client_secret=None, oauth_key=SecretStr("no key"))
    with pytest.raises(BadCredential, match="cannot sign with RS256"):
        held.token()
    assert server.asked == []
