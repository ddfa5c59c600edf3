"""Refusals that lie ahead in real directories: OpenLDAP, Samba and 389."""

from collections.abc import Iterator, Sequence

import ldap
import pytest

from connectors.conformance.accounts import newcomer, person
from connectors.conformance.blockers import BlockersSuite
from connectors.contract import AccountId, Act, Blockers, Person
from connectors.errors import ConnectorError, Forbidden
from connectors.ldap.connector import Ldap
from tests.connectors.ldap.ad_world import AdWorld
from tests.connectors.ldap.blockers_world import BlockersLdapWorld, blockers_directory
from tests.connectors.ldap.test_ad_rights import _descriptor, _rules, _with_rules, _write
from tests.connectors.ldap.test_ns389 import OWN, add, connect
from tests.sandbox.company.ns389 import ALL, Ns389, allow


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockersLdapWorld]:
    with blockers_directory(tmp_path_factory.mktemp("slapd")) as world:
        yield world


class TestBlockers(BlockersSuite):
    @pytest.fixture
    def world(self, own: BlockersLdapWorld) -> BlockersLdapWorld:
        return own


class AdBlockersWorld(AdWorld):
    """Marks people as administrators, and shuts accounts against the bot."""

    refusals: Sequence[str] = ("an administrator", "no right to lock")

    def person(self) -> AccountId:
        account = self.add(newcomer())
        self.add_group(newcomer("group").login, [account])
        return account

    def refuse(self, name: str) -> tuple[Blockers, AccountId, Act]:
        account = self.person()
        if name == "an administrator":
            self.samba.modify(self.dn(account), [(ldap.MOD_REPLACE, "adminCount", [b"1"])])
        else:
            usual, bot = _descriptor(self, self.dn(account)), self.bot_sid()
            self._usual = usual
            _write(self, self.dn(account), _with_rules([one for one in _rules(usual) if bot not in one]))
        return self.connect(), account, Act.LOCK

    def bot_sid(self) -> bytes:
        [found] = self.samba.search(f"(userPrincipalName={self.samba.bind_dn})", ["objectSid"]).values()
        return bytes(found["objectSid"][0])

    def end(self, name: str, account: AccountId) -> bool:
        if name == "an administrator":
            self.samba.modify(self.dn(account), [(ldap.MOD_DELETE, "adminCount", None)])
        else:
            _write(self, self.dn(account), _with_rules(list(_rules(self._usual))))
        return True

    def attempt(self, connector: Blockers, account: AccountId, act: Act) -> bool:
        assert isinstance(connector, Ldap)
        try:
            if act is Act.LOCK:
                connector.lock(connector.before(account))
        except ConnectorError:
            return True
        return False

    def state(self) -> object:
        return self.truth()


class TestAdBlockers(BlockersSuite):
    @pytest.fixture
    def world(self, ad: AdWorld) -> AdBlockersWorld:
        return AdBlockersWorld(ad.samba)


def test_a_lookup_and_a_refusal_say_the_same_in_the_same_words(own: BlockersLdapWorld) -> None:
    connector, account, _act = own.refuse("no right to lock")
    assert isinstance(connector, Ldap)
    [one] = connector.blockers(account)
    assert one.why in connector.find(Person("", logins=(own.login(account),))).doubts, "the plan says it once"
    assert one.remedy == f"Let {own.slapd.bind_dn} write pwdAccountLockedTime or userPassword of this entry."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ns389]:
    with Ns389(tmp_path_factory.mktemp("ns389")) as made:
        yield made


def test_389_tells_its_rights(server: Ns389) -> None:
    who = newcomer()
    add(server, who, OWN)
    connector = connect(server)
    [found] = connector.find(person(who)).accounts
    assert connector.blockers(found.id) == []
    before = connector.before(found.id)
    with server.rights(allow("read,search,compare", ALL)):
        connector = connect(server)
        [one] = connector.blockers(found.id)
        assert one.act is Act.LOCK
        assert "may not write nsAccountLock" in one.why
        with pytest.raises(Forbidden):
            connector.lock(before)
    connector = connect(server)
    connector.lock(before)
    assert connector.blockers(found.id) == []
