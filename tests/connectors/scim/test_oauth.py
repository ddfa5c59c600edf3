"""The SCIM connector with access tokens of a real authorization server in place of a fixed token."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.conformance.accounts import Newcomer
from connectors.contract import Change, Verdict
from connectors.errors import BadCredential
from connectors.scim.connector import Scim
from tests.connectors.oauth_server import CLIENT, SECRET, OAuthServer, authorization_server, said
from tests.connectors.scim.world import ScimWorld

DANA = Newcomer("dana", "Dana", "dana@northwind.example", "old password")


class LiveTokens(set[str]):
    """The access tokens that the application accepts: those that the authorization server knows now."""

    def __init__(self, server: OAuthServer) -> None:
        super().__init__({"an empty set would accept everybody"})
        self._server = server

    def __contains__(self, token: object) -> bool:
        return self._server.accepts(str(token))


@pytest.fixture
def oauth(world: ScimWorld) -> Iterator[OAuthServer]:
    """An authorization server whose tokens the application accepts, and no others."""
    with authorization_server() as server:
        world.server._application.bearer_tokens = LiveTokens(server)
        yield server


def connect(world: ScimWorld, oauth: OAuthServer, **changes: Any) -> Scim:
    keys = {
        "token": None,
        "oauth": "client_credentials",
        "oauth_token_url": f"{oauth.url}/token",
        "oauth_client_id": CLIENT,
        "oauth_client_secret": SecretStr(SECRET),
    }
    return Scim(world.settings(**(keys | changes)))


def test_an_account_is_locked_with_fetched_tokens(world: ScimWorld, oauth: OAuthServer) -> None:
    account, connector = world.add(DANA), connect(world, oauth)
    assert connector.check()
    assert connector.lock(connector.before(account)).change is Change.MADE
    assert connector.observe([account])[account].verdict is Verdict.LOCKED
    assert len(oauth.asked) == 1
    connector.close()


def test_a_token_that_ends_before_a_write_costs_no_outcome(world: ScimWorld, oauth: OAuthServer) -> None:
    account, connector = world.add(DANA), connect(world, oauth)
    before, writes = connector.before(account), world.writes()
    oauth.end_tokens()
    assert connector.lock(before).change is Change.MADE
    assert world.writes() == writes + 1
    assert len(oauth.asked) == 2
    connector.close()


def test_an_application_that_refuses_fresh_tokens_is_asked_twice(world: ScimWorld, oauth: OAuthServer) -> None:
    connector = connect(world, oauth)
    oauth.life = 0  # each token has ended before it is used
    with pytest.raises(BadCredential, match="compare oauth_scope") as refused:
        connector.headcount()
    assert len(oauth.asked) <= 4  # one list and its announcement, each once more
    assert not any(token in str(refused.value) for token in oauth.live)
    connector.close()


def test_a_revoked_client_is_told_by_check_and_never_as_absence(world: ScimWorld, oauth: OAuthServer) -> None:
    account, connector = world.add(DANA), connect(world, oauth)
    oauth.answer = said({"error": "unauthorized_client"}, 400)
    with pytest.raises(BadCredential, match="unauthorized_client"):
        connector.check()
    with pytest.raises(BadCredential, match="unauthorized_client"):
        connector.observe([account])
    connector.close()


def test_either_a_token_or_oauth(world: ScimWorld, oauth: OAuthServer) -> None:
    with pytest.raises(ValueError, match="either a token or oauth"):
        world.settings(token=None)
    with pytest.raises(ValueError, match="either a token or oauth"):
        connect(world, oauth, token=SecretStr("fixed"))
