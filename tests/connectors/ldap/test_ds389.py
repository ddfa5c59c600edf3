"""The 389 Directory Server dialect, against slapd with that server's attributes in a schema of our own.

This proves which attributes are read and written, not how a 389 Directory Server behaves. slapd accepts the log-in of a
person with `nsAccountLock: true`, and the connector reports that.
"""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import ldap
import pytest
from pydantic import SecretStr

from connectors.conformance.accounts import Newcomer, newcomer
from connectors.contract import AccountId, Change, Login, Person, Verdict
from connectors.errors import Conflict, Forbidden
from connectors.ldap.connection import LdapConnection
from connectors.ldap.connector import Ldap
from connectors.ldap.ds389 import Ds389
from connectors.ldap.wire import Entry
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company import ldif
from tests.sandbox.company.people import PEOPLE
from tests.sandbox.company.slapd import Slapd

SCHEMA = """\
attributetype ( 2.16.840.1.113730.3.1.610 NAME 'nsAccountLock' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 2.16.840.1.113730.3.1.542 NAME 'nsUniqueId' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.32473.1 NAME 'practiceAccount' SUP top AUXILIARY MAY ( nsAccountLock $ nsUniqueId ) )
"""
RIGHTS = f"""\
access to dn.subtree="{ldif.PEOPLE_DN}" attrs=nsAccountLock
  by dn.exact="{ldif.SERVICE_DN}" write
  by * read
"""


class StandIn(Slapd):
    """A slapd with the attributes, and without the overlay: it would drop a password whose old value is named."""

    def _seed(self) -> None:
        super()._seed()
        (self.folder / "ns.schema").write_text(SCHEMA)
        conf = self.folder / "slapd.conf"
        text = conf.read_text().replace("modulepath ", f'include "{self.folder}/ns.schema"\nmodulepath ', 1)
        text = re.sub(r"(?m)^(overlay ppolicy|ppolicy_.*)$", "", text)
        conf.write_text(text.replace("access to ", RIGHTS + "access to ", 1))


class World389(LdapWorld):
    def settings(self, **changes: Any) -> Any:
        return super().settings(**({"dialect": "389ds"} | changes))

    def add(self, who: Newcomer) -> AccountId:
        one = "-".join(uuid4().hex[at : at + 8] for at in range(0, 32, 8))
        self.slapd.add(
            ldif.person_dn(who.login),
            {
                "objectClass": ["inetOrgPerson", "practiceAccount"],
                "uid": [who.login],
                "cn": [who.name],
                "sn": [who.name],
                "mail": [who.email],
                "userPassword": [ldif.hash_password(who.password)],
                "nsUniqueId": [one],
            },
        )
        return AccountId(one)

    def value(self, who: Newcomer, attribute: str) -> bytes:
        entry = self.slapd.entry(who.login)
        assert entry is not None
        return (entry.get(attribute) or [b""])[0]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with StandIn(tmp_path_factory.mktemp("ds389"), PEOPLE[:3]) as slapd:
        yield slapd


@pytest.fixture
def ds(server: Slapd) -> World389:
    return World389(server)


def test_lock_and_unlock_write_the_attribute_and_the_password(ds: World389) -> None:
    who = newcomer()
    account, connector, writes = ds.add(who), ds.connect(), ds.writes()
    [found] = connector.find(Person("", (who.email,))).accounts
    assert (found.id, found.verdict) == (account, Verdict.OPEN)
    before = connector.before(account)
    locked = connector.lock(before)
    assert (locked.change, locked.login, ds.writes()) == (Change.MADE, Login.ACCEPTED, writes + 1)
    assert "accepts the log-in of an account" in locked.detail
    assert ds.value(who, "nsAccountLock") == b"true"
    assert not ds.can_log_in(who.login, who.password)
    assert connector.observe([account])[account].verdict is Verdict.LOCKED
    assert connector.lock(before).change is Change.ALREADY
    assert connector.unlock(before) is Change.MADE
    assert ds.value(who, "nsAccountLock") == b""
    assert ds.can_log_in(who.login, who.password)
    assert connector.unlock(before) is Change.ALREADY


def test_locked_accounts_are_listed(ds: World389) -> None:
    locked, free = ds.add(newcomer()), ds.add(newcomer())
    connector = ds.connect()
    connector.lock(connector.before(locked))
    assert locked in connector.locked()
    assert free not in connector.locked()
    with_id = Ldap(ds.settings(people_filter="(objectClass=practiceAccount)"))
    assert {locked, free} <= {one.id for one in with_id.everyone()}
    with pytest.raises(Forbidden, match="nsUniqueId of 3 accounts cannot be read"):  # the first people have none
        list(connector.everyone())


def test_a_stale_before_image_is_a_conflict(ds: World389) -> None:
    who = newcomer()
    account, connector = ds.add(who), ds.connect()
    before = connector.before(account)
    ds.slapd.modify(ldif.person_dn(who.login), [(ldap.MOD_REPLACE, "nsAccountLock", [b"false"])])
    assert connector.observe([account])[account].verdict is Verdict.OPEN
    with pytest.raises(Conflict):
        connector.lock(before)


def test_either_id_can_be_the_accounts(ds: World389) -> None:
    who = newcomer()
    account = ds.add(who)
    uuid = AccountId(ds.value(who, "entryUUID").decode())
    by_uuid = Ldap(ds.settings(id_attribute="entryUUID"))
    assert by_uuid.find(Person("", (who.email,))).accounts[0].id == uuid
    assert by_uuid.observe([uuid])[uuid].verdict is Verdict.OPEN
    assert by_uuid.observe([account])[account].verdict is Verdict.UNKNOWN
    assert ds.connect().observe([account, uuid])[uuid].verdict is Verdict.UNKNOWN
    gone = AccountId("0" * 8 + "-00000000" * 3)
    assert ds.connect().observe([gone])[gone].verdict is Verdict.ABSENT


def test_a_credential_without_rights_is_forbidden(ds: World389) -> None:
    account = ds.add(newcomer())
    me = PEOPLE[0]
    connector = Ldap(ds.settings(bind_dn=ldif.person_dn(me.uid), password=SecretStr(me.password)))
    with pytest.raises(Forbidden):
        connector.lock(connector.before(account))


def test_only_the_servers_own_words_prove_the_lock(ds: World389) -> None:
    dialect = Ds389(ds.settings())
    inactive = {"result": 53, "info": "Account inactivated. Contact system administrator."}
    assert dialect.judge(True, inactive)[0] is Login.REFUSED
    assert dialect.judge(True, {"result": 49})[0] is Login.NOT_TRIED
    assert dialect.verdict(Entry.read("uid=x", {"nsAccountLock": [b"TRUE"]}))[0] is Verdict.LOCKED


def test_an_undo_that_did_not_bring_the_password_back_says_so(monkeypatch: pytest.MonkeyPatch, ds: World389) -> None:
    """A server without nsslapd-allow-hashed-passwords refuses the old hash: only the lock is taken away."""
    who = newcomer()
    account, connector = ds.add(who), ds.connect()
    before, send = connector.before(account), LdapConnection.modify
    connector.lock(before)

    def no_hashes(link: LdapConnection, dn: str, changes: list[Any], controls: tuple[object, ...] = ()) -> None:
        if any(attribute == "userPassword" for _kind, attribute, _values in changes):
            raise ldap.CONSTRAINT_VIOLATION({"info": "invalid password syntax - passwords with storage scheme"})
        send(link, dn, changes, controls)

    monkeypatch.setattr(LdapConnection, "modify", no_hashes)
    assert connector.unlock(before) is Change.MADE
    for _again in range(2):
        assert "not the former one" in connector.lost(before)[0]
        assert connector.unlock(before) is Change.ALREADY
