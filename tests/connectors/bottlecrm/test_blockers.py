"""Refusals of a real BottleCRM: tokens without a session, and the bot's own user."""

from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest
from pydantic import SecretStr

from connectors.bottlecrm.connector import BottleCrm as Connector
from connectors.conformance.blockers import BlockersSuite
from connectors.contract import AccountId, Act, Blockers
from connectors.errors import ConnectorError
from tests.connectors.bottlecrm.test_conformance import Parts
from tests.connectors.bottlecrm.world import TokensWorld
from tests.sandbox.company.bottlecrm import bare


class BlockersWorld(TokensWorld):
    """Connects without a session, so that no token can be revoked."""

    refusals: Sequence[str] = ("no session",)

    def connect(self, password: str = "good") -> Connector:
        token = self.server.token if password == "good" else f"bcrm_pat_{password}"
        return self.connector(token=SecretStr(token))

    def refuse(self, name: str) -> tuple[Blockers, AccountId, Act]:
        del name
        account = self.person()
        self.issue(account, "laptop")
        return self.connect(), account, Act.REVOKE_TOKENS

    def end(self, name: str, account: AccountId) -> bool:
        """Revoke the token there by hand, as the remedy says."""
        del name
        sql = "UPDATE personal_access_token SET revoked_at = CURRENT_TIMESTAMP WHERE profile_id = ?"
        self.server.execute(sql, [bare(account)])
        return True

    def attempt(self, connector: Blockers, account: AccountId, act: Act) -> bool:
        assert isinstance(connector, Connector)
        assert act is Act.REVOKE_TOKENS
        try:
            for token in connector.tokens(account):
                connector.revoke(account, token.id)
        except ConnectorError:
            return True
        return False

    def state(self) -> object:
        return self.written("profile"), self.server.query("SELECT id, revoked_at FROM personal_access_token")


@pytest.fixture
def own(parts: Parts) -> Iterator[BlockersWorld]:
    with closing(BlockersWorld(*parts)) as world:
        yield world


class TestBlockers(BlockersSuite):
    @pytest.fixture
    def world(self, own: BlockersWorld) -> BlockersWorld:
        return own


def test_with_a_session_tokens_are_no_refusal(own: BlockersWorld) -> None:
    account = own.person()
    own.issue(account, "laptop")
    assert own.connector(session_file=own.session()).blockers(account) == []


def test_our_own_user_is_never_locked(own: BlockersWorld) -> None:
    connector = own.connect()
    account = AccountId(own.server.profile_id(own.server.bot))
    found = [one for one in connector.blockers(account) if one.act is Act.LOCK]
    assert [one.why for one in found] == ["this is the user that Handover itself signs in as."]
    with pytest.raises(ConnectorError):
        connector.lock(connector.before(account))


def test_a_lock_hides_no_list_of_a_member(own: BlockersWorld) -> None:
    """BottleCRM declares no effect: what its lists show after the lock is what they showed before."""
    account = own.person()
    own.issue(account, "laptop")
    connector = own.connector(session_file=own.session())
    before = [one.id for one in connector.tokens(account)], connector.count(account), list(connector.duties(account))
    connector.lock(connector.before(account))
    after = [one.id for one in connector.tokens(account)], connector.count(account), list(connector.duties(account))
    assert after == before
    assert len(before[0]) == 1
