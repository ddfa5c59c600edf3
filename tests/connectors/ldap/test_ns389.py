"""The 389 Directory Server dialect against a real one: its own classes of users, and rights that hide the lock."""

from collections.abc import Iterator
from typing import Any

import ldap
import pytest
from pydantic import SecretStr

from connectors.conformance.accounts import Newcomer, newcomer, person
from connectors.contract import AccountId, Change, Login, Person, Verdict
from connectors.errors import Conflict, Forbidden
from connectors.ldap.connector import Ldap
from connectors.ldap.directory import Directory
from connectors.ldap.ds389 import Ds389
from connectors.ldap.settings import LdapSettings
from connectors.ldap.wire import Entry
from tests.sandbox.company.ns389 import ALL, GROUPS, PEOPLE, Ns389, allow

LOCK = "nsAccountLock"
OWN = ["nsPerson", "nsAccount", "nsOrgPerson", "posixAccount"]
"""The classes of the users that this server's own tools create. None is derived from `person`."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ns389]:
    with Ns389(tmp_path_factory.mktemp("ns389")) as made:
        yield made


def connect(server: Ns389, **changes: Any) -> Ldap:
    values = {
        "urls": (server.url,),
        "bind_dn": server.bind_dn,
        "password": SecretStr(server.bind_password),
        "base_dn": server.base_dn,
        "dialect": "389ds",
        "connect_seconds": 20,
        "request_seconds": 20,
    }
    return Ldap(LdapSettings.model_validate(values | changes))


def add(server: Ns389, who: Newcomer, classes: list[str]) -> str:
    dn = f"uid={who.login},{PEOPLE}"
    names = {"displayName": [who.name], "mail": [who.email]} if "nsPerson" in classes else {}
    unix = {"uidNumber": ["7"], "gidNumber": ["7"], "homeDirectory": ["/"]}
    values = {"objectClass": classes, "uid": [who.login], "cn": [who.login], "userPassword": [who.password]}
    server.add(dn, {**values, **names, **unix})
    return dn


def except_lock(rights: str) -> str:
    return allow(rights, ALL).replace('(targetattr="*")', f'(targetattr!="{LOCK}")')


@pytest.mark.parametrize("classes", [OWN, ["account", "posixAccount"]])
def test_the_servers_own_users_are_found_locked_and_unlocked(server: Ns389, classes: list[str]) -> None:
    who = newcomer()
    dn, connector = add(server, who, classes), connect(server)
    [found] = connector.find(Person("", (), (who.login,))).accounts
    assert (found.verdict, found.login) == (Verdict.OPEN, who.login)
    assert found.id in {one.id for one in connector.everyone()}
    assert server.can_bind(dn, who.password)
    before = connector.before(found.id)
    locked = connector.lock(before)
    assert (locked.change, locked.login) == (Change.MADE, Login.REFUSED)
    assert connector.observe([found.id])[found.id].verdict is Verdict.LOCKED
    assert found.id in connector.locked()
    assert not server.can_bind(dn, who.password)
    assert connector.unlock(before) is Change.MADE
    assert connector.observe([found.id])[found.id].verdict is Verdict.OPEN


def test_nobody_has_no_doubts(server: Ns389) -> None:
    add(server, newcomer(), OWN)
    lookup = connect(server).find(person(newcomer()))
    assert (lookup.accounts, lookup.doubts) == ((), ())


@pytest.mark.parametrize("rights", [(), (allow("write", f"{LOCK} || userPassword"),)])
def test_a_lock_that_may_not_be_read_is_unknown(server: Ns389, rights: tuple[str, ...]) -> None:
    who = newcomer()
    add(server, who, OWN)
    [found] = connect(server).find(person(who)).accounts
    before = connect(server).before(found.id)
    with server.rights(except_lock("read,search,compare"), *rights):
        connector = connect(server)
        if rights:
            connector.lock(before)
        seen = connector.observe([found.id])[found.id]
        assert (seen.verdict, f"{LOCK} cannot be read" in seen.reason) == (Verdict.UNKNOWN, True)
        with pytest.raises(Forbidden, match="cannot be read"):
            connector.unlock(before)
        with pytest.raises(Forbidden, match="accounts cannot be read"):
            list(connector.everyone())
    after = connect(server).observe([found.id])[found.id]
    assert after.verdict is (Verdict.LOCKED if rights else Verdict.OPEN)


def test_a_lock_that_may_be_searched_and_not_read_is_unknown_where_it_is_set(server: Ns389) -> None:
    who, free = newcomer(), newcomer()
    dn = add(server, who, OWN)
    add(server, free, OWN)
    ids = [AccountId(connect(server).find(person(one)).accounts[0].id) for one in (who, free)]
    server.modify(dn, [(ldap.MOD_REPLACE, LOCK, [b"true"])])
    with server.rights(except_lock("read,search,compare"), allow("search", LOCK)):
        seen = connect(server).observe(ids)
    assert [seen[one].verdict for one in ids] == [Verdict.UNKNOWN, Verdict.OPEN]


@pytest.mark.parametrize(
    ("attribute", "value", "conflict"),
    [
        ("userPassword", b"Another-2026", True),
        (LOCK, b"true", True),
        (LOCK, b"false", False),
        ("description", b"x", False),
    ],
)
def test_a_change_between_read_and_write_is_a_conflict(
    server: Ns389, monkeypatch: pytest.MonkeyPatch, attribute: str, value: bytes, conflict: bool
) -> None:
    """No modify can name a missing value, and what a lock does not write is no conflict."""
    who = newcomer()
    dn, connector = add(server, who, OWN), connect(server)
    [found] = connector.find(person(who)).accounts
    before = connector.before(found.id)

    def late(_dialect: object, _entry: object) -> tuple[()]:
        server.modify(dn, [(ldap.MOD_REPLACE, attribute, [value])])
        return ()

    monkeypatch.setattr(Ds389, "guard", late)
    if conflict:
        with pytest.raises(Conflict, match="meanwhile"):
            connector.lock(before)
        return
    assert connector.lock(before).login is Login.REFUSED
    with server.bound() as root:
        [(_dn, entry)] = root.search_s(dn, ldap.SCOPE_BASE, attrlist=[LOCK])
    assert entry[LOCK] == [b"true"]


def test_a_lock_takes_the_place_of_every_password(server: Ns389) -> None:
    who = newcomer()
    dn, connector = add(server, who, OWN), connect(server)
    server.modify(dn, [(ldap.MOD_ADD, "userPassword", [b"Second-2026"])])
    [found] = connector.find(person(who)).accounts
    connector.lock(connector.before(found.id))
    server.modify(dn, [(ldap.MOD_DELETE, LOCK, None)])
    assert [server.can_bind(dn, one) for one in (who.password, "Second-2026")] == [False, False]


def test_a_server_that_takes_no_hashes_still_takes_the_lock_off_and_says_so(server: Ns389) -> None:
    """By default this server does not (nsslapd-allow-hashed-passwords)."""
    who = newcomer()
    dn, connector = add(server, who, OWN), connect(server)
    [found] = connector.find(person(who)).accounts
    before = connector.before(found.id)
    connector.lock(before)
    assert connector.unlock(before) is Change.MADE
    assert connector.observe([found.id])[found.id].verdict is Verdict.OPEN
    assert not server.can_bind(dn, who.password)
    assert "not the former one" in connector.lost(before)[0]


def test_a_lock_that_a_role_gives_is_no_value_to_name(server: Ns389, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry shows a value that is not stored there; nothing has changed, so the write goes without naming it."""
    who = newcomer()
    add(server, who, OWN)
    connector, read = connect(server), Directory.person
    [found] = connector.find(person(who)).accounts
    monkeypatch.setattr(
        Directory, "person", lambda *args: Entry((one := read(*args)).dn, {**one.values, LOCK.lower(): (b"false",)})
    )
    assert connector.lock(connector.before(found.id)).change is Change.MADE
    monkeypatch.undo()
    assert connector.observe([found.id])[found.id].verdict is Verdict.LOCKED


def test_keys_and_certificates_beside_the_password_are_told_apart(server: Ns389) -> None:
    """The server refuses a certificate of a locked account, and knows nothing of who takes a key from it."""
    who = newcomer()
    dn, connector = add(server, who, OWN), connect(server)
    server.modify(
        dn, [(ldap.MOD_ADD, "nsCertSubjectDN", [b"cn=leaver"]), (ldap.MOD_ADD, "nsSshPublicKey", [b"ssh-rsa"])]
    )
    lookup = connector.find(person(who))
    [found] = lookup.accounts
    assert all(name in " ".join(lookup.doubts) for name in ("nsCertSubjectDN", "nsSshPublicKey"))
    assert "nsCertSubjectDN" in " ".join(connector.lock(connector.before(found.id)).not_done)
    seen = connector.observe([found.id])[found.id]
    assert (seen.verdict, "nsSshPublicKey" in seen.reason) == (Verdict.UNKNOWN, True)
    server.modify(dn, [(ldap.MOD_DELETE, "nsSshPublicKey", None)])
    assert connector.observe([found.id])[found.id].verdict is Verdict.LOCKED


def test_a_group_that_is_a_licence_is_listed_reclaimed_and_given_back(server: Ns389) -> None:
    who, other = newcomer(), newcomer()
    dn, keeper = add(server, who, OWN), add(server, other, OWN)
    name = f"E3 {who.login}"
    server.add(f"cn={name},{GROUPS}", {"objectClass": ["groupOfNames"], "cn": [name], "member": [dn, keeper]})
    connector = connect(server, licence_groups=(name,))
    [account] = connector.find(person(who)).accounts
    [licence] = connector.licences(account.id)
    assert (licence.name, licence.fixed) == (name, "")
    assert [group.licence for group in connector.groups(account.id)] == [True]
    assert connector.reclaim(account.id, licence.id) is Change.MADE
    assert list(connector.licences(account.id)) == []
    assert connector.reclaim(account.id, licence.id) is Change.ALREADY
    assert connector.give_licence(account.id, licence.id) is Change.MADE
    assert [one.id for one in connector.licences(account.id)] == [licence.id]
    [colleague] = connector.find(person(other)).accounts
    assert [one.id for one in connector.licences(colleague.id)] == [licence.id]
