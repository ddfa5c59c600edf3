"""Conformance suite for every `Tokens` connector, independent of any vendor.

Subclass `TokensSuite` as `Test...` and give a `world` fixture.

`tests/conformance/test_tokens_bites.py` shows that each test can fail.
"""

from typing import Protocol

import pytest

from connectors.contract import AccountId, Change, Tokens
from connectors.errors import Missing

NAMES = ("laptop", "<!channel>", "=cmd()", "李伟's script", "null")


class TokensWorld(Protocol):
    """One system as its owner sees it; no call here goes through the connector."""

    def connect(self) -> Tokens:
        """Return a fresh connector."""

    def person(self) -> AccountId:
        """Make a new open account, without a token."""

    def nobody(self) -> AccountId:
        """Return an id of the right form that no account has."""

    def issue(self, account: AccountId, name: str) -> str:
        """Issue one more live token of the account, keep its secret, and return its id."""

    def works(self, token: str) -> bool:
        """Try a kept token at the server."""

    def missing(self) -> str:
        """Return an id of the right form that no token has."""

    def may_sign_in(self, account: AccountId) -> bool:
        """Return whether the account is open on the server."""


class TokensSuite:
    """The tests; each one makes its own people."""

    @pytest.fixture
    def world(self) -> TokensWorld:
        raise NotImplementedError("give a world fixture")

    def test_lists_every_live_token_by_name(self, world: TokensWorld) -> None:
        account, connector = world.person(), world.connect()
        assert list(connector.tokens(account)) == []
        issued = {world.issue(account, name): name for name in NAMES}
        listed = {token.id: token.name for token in connector.tokens(account)}
        assert listed.keys() == issued.keys()
        assert all(name in listed[token] for token, name in issued.items())

    def test_revokes_the_named_token_and_no_other(self, world: TokensWorld) -> None:
        account, connector = world.person(), world.connect()
        one, other = world.issue(account, "one"), world.issue(account, "other")
        assert world.works(one)
        assert connector.revoke(account, one) is Change.MADE
        assert not world.works(one)
        assert world.works(other)
        assert [token.id for token in connector.tokens(account)] == [other]

    def test_leaves_everybody_elses(self, world: TokensWorld) -> None:
        account, bystander, connector = world.person(), world.person(), world.connect()
        theirs, stays = world.issue(bystander, "theirs"), world.issue(account, "stays")
        connector.revoke(account, world.issue(account, "mine"))
        assert world.works(theirs)
        assert world.works(stays)
        assert [token.id for token in connector.tokens(bystander)] == [theirs]

    def test_another_persons_token_is_missing_and_stays(self, world: TokensWorld) -> None:
        account, bystander, connector = world.person(), world.person(), world.connect()
        theirs = world.issue(bystander, "theirs")
        with pytest.raises(Missing):
            connector.revoke(account, theirs)
        assert world.works(theirs)

    def test_a_second_revocation_is_already(self, world: TokensWorld) -> None:
        account, connector = world.person(), world.connect()
        token = world.issue(account, "one")
        assert connector.revoke(account, token) is Change.MADE
        assert connector.revoke(account, token) is Change.ALREADY
        assert world.connect().revoke(account, token) is Change.ALREADY

    def test_the_account_itself_stays_as_it_is(self, world: TokensWorld) -> None:
        account, connector = world.person(), world.connect()
        connector.revoke(account, world.issue(account, "one"))
        assert world.may_sign_in(account)

    def test_what_is_unknown_is_missing(self, world: TokensWorld) -> None:
        account, connector = world.person(), world.connect()
        with pytest.raises(Missing):
            connector.revoke(account, world.missing())
        with pytest.raises(Missing):
            connector.tokens(world.nobody())
