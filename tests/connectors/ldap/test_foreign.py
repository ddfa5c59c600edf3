"""A directory set up by somebody else: what can be done is done, and what cannot is said with what to do."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import ldap
import pytest
from ldap.filter import filter_format
from pydantic import SecretStr, ValidationError

from connectors.contract import AccountId, Change, Person, Verdict
from connectors.errors import BadCredential, Conflict, ConnectorError, Forbidden, Unavailable
from connectors.ldap.connector import Ldap
from connectors.ldap.openldap import MARK
from connectors.ldap.settings import LdapSettings
from tests.connectors.ldap.foreign import GROUPS, OTHER, ROOT_DN, ROOT_PASSWORD, STAFF, SUFFIX, Foreign, name, staff_dn


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    with Foreign(tmp_path_factory.mktemp("foreign")) as made:
        yield made


def _connect(server: Foreign, **changes: Any) -> Ldap:
    values = {
        "urls": (server.tls_url,),
        "ca_file": server.ca_file,
        "bind_dn": server.bind_dn,
        "password": SecretStr(server.bind_password),
        "base_dn": server.base_dn,
        "connect_seconds": 20,
        "request_seconds": 20,
        "lock_by": "password",
    }
    return Ldap(LdapSettings.model_validate(values | changes))


def _account(connector: Ldap, number: int) -> AccountId:
    [found] = connector.find(Person("", (f"p{number}@contoso.example",), (f"p{number}",))).accounts
    return found.id


def _log_in(server: Foreign, number: int) -> bool:
    try:
        with server.bound(staff_dn(number), f"pw-{number}"):
            return True
    except ldap.INVALID_CREDENTIALS:
        return False


def _write(server: Foreign, dn: str, changes: list[Any]) -> None:
    with server.bound(ROOT_DN, ROOT_PASSWORD) as root:
        root.modify_s(dn, changes)


def test_without_the_overlay_the_check_says_what_to_do(server: Foreign) -> None:
    with pytest.raises(Forbidden, match=r'overlay \(ppolicy.*lock_by = "password"'):
        _connect(server, lock_by="ppolicy").check()
    assert "can be read" in _connect(server).check()


def test_without_the_overlay_a_lock_by_it_changes_nothing_and_says_why(server: Foreign) -> None:
    connector = _connect(server, lock_by="ppolicy")
    account = _account(connector, 1)
    with pytest.raises(ConnectorError, match="ppolicy"):
        connector.lock(connector.before(account))
    assert _log_in(server, 1)


@pytest.mark.parametrize("number", [2, 20])
def test_locked_by_password_read_back_and_undone(server: Foreign, number: int) -> None:
    connector = _connect(server)
    account = _account(connector, number)
    before = connector.before(account)
    locked = connector.lock(before)
    assert (locked.change, "Kerberos" in locked.detail) == (Change.MADE, True)
    assert connector.observe([account])[account].verdict is Verdict.LOCKED
    assert not _log_in(server, number)
    assert connector.lock(before).change is Change.ALREADY
    assert connector.lost(before) == ()
    assert connector.unlock(before) is Change.MADE
    assert connector.unlock(before) is Change.ALREADY
    assert _log_in(server, number)


def test_the_value_that_locks_is_no_password_itself(server: Foreign) -> None:
    connector = _connect(server)
    account = _account(connector, 3)
    connector.lock(connector.before(account))
    with server.bound(ROOT_DN, ROOT_PASSWORD) as root:
        [(_, row)] = root.search_s(staff_dn(3), ldap.SCOPE_BASE, attrlist=["userPassword"])
    value = row["userPassword"][0].decode()
    assert value.startswith(MARK)
    for guess in (value, value.removeprefix("{CRYPT}"), "!", ""):
        with pytest.raises(ldap.LDAPError), server.bound(staff_dn(3), guess or " "):
            pytest.fail("let in")


def test_a_password_reset_behind_our_back_is_open_again(server: Foreign) -> None:
    connector = _connect(server)
    account = _account(connector, 4)
    connector.lock(connector.before(account))
    _write(server, staff_dn(4), [(ldap.MOD_ADD, "userPassword", [b"{SSHA}AAAA"])])
    seen = connector.observe([account])[account]
    assert (seen.verdict, seen.reason) == (Verdict.OPEN, "it has a password that opens it")


def test_a_change_between_read_and_write_is_a_conflict(server: Foreign) -> None:
    connector = _connect(server)
    account = _account(connector, 5)
    before = connector.before(account)
    _write(server, staff_dn(5), [(ldap.MOD_REPLACE, "userPassword", [b"{SSHA}BBBB"])])
    with pytest.raises(Conflict):
        connector.lock(before)


def test_a_password_that_may_not_be_read_is_unknown_and_says_so(server: Foreign) -> None:
    connector = _connect(server, bind_dn=staff_dn(6), password=SecretStr("pw-6"))
    account = _account(connector, 7)
    seen = connector.observe([account])[account]
    assert (seen.verdict, "must be able to read it" in seen.reason) == (Verdict.UNKNOWN, True)
    with pytest.raises(ConnectorError, match="access"):
        connector.lock(connector.before(account))
    assert _log_in(server, 7)


def test_fifty_answers_at_most_hide_nobody(server: Foreign) -> None:
    connector = _connect(server)
    with pytest.raises(Forbidden, match="cut short"):
        connector.headcount()
    everyone = [_account(connector, number) for number in range(60, 125)]
    gone = AccountId(str(uuid4()))
    seen = connector.observe([*everyone, gone])
    assert {seen[one].verdict for one in everyone} == {Verdict.OPEN}
    assert seen[gone].verdict is Verdict.ABSENT


def test_the_other_suffix_is_another_company(server: Foreign) -> None:
    assert len(_connect(server).find(Person("", ("p10@contoso.example",))).accounts) == 1
    assert _connect(server, base_dn=OTHER).headcount() == 1


def test_groups_of_all_kinds_without_the_overlay(server: Foreign) -> None:
    connector = _connect(server)
    account = _account(connector, 10)
    groups = {group.name: group.id for group in connector.groups(account)}
    assert set(groups) == {"Vertrieb", "unix"}
    for title, group in groups.items():
        assert connector.remove(account, group) is Change.MADE, title
    assert connector.groups(account) == []
    for group in groups.values():
        connector.restore(account, group)
    assert {group.name for group in connector.groups(account)} == set(groups)
    assert connector.administrators("unix")[0].login in {"p10", "p11"}
    assert GROUPS in staff_dn(10).replace(STAFF, GROUPS)


def test_a_group_is_left_under_every_name_it_has_for_somebody(server: Foreign) -> None:
    connector = _connect(server)
    account = _account(connector, 30)
    _write(
        server,
        staff_dn(30),
        [
            (ldap.MOD_ADD, "uid", [b"thirty"]),
            (ldap.MOD_ADD, "objectClass", [b"posixAccount"]),
            (ldap.MOD_ADD, "uidNumber", [b"30"]),
            (ldap.MOD_ADD, "gidNumber", [b"504"]),
            (ldap.MOD_ADD, "homeDirectory", [b"/"]),
        ],
    )
    groups = {group.name: group for group in connector.groups(account)}
    assert set(groups) == {"Vertrieb", "both", "members", "second name", "primary"}
    assert not any(group.fixed for group in groups.values())
    for group in groups.values():
        assert connector.remove(account, group.id) is Change.MADE, group.name
    with server.bound(ROOT_DN, ROOT_PASSWORD) as root:
        query = filter_format("(|(member=%s)(uniqueMember=%s)(memberUid=p30)(memberUid=thirty))", [staff_dn(30)] * 2)
        assert root.search_s(GROUPS, ldap.SCOPE_SUBTREE, query) == []
    [left] = connector.groups(account)
    assert (left.name, bool(left.fixed)) == ("primary", True)
    with pytest.raises(Conflict, match="primary group"):
        connector.remove(account, left.id)
    assert connector.remove(account, groups["both"].id) is Change.ALREADY
    assert connector.restore(account, groups["both"].id) is Change.MADE
    assert connector.restore(account, groups["both"].id) is Change.ALREADY
    with server.bound(ROOT_DN, ROOT_PASSWORD) as root:
        [(_, row)] = root.search_s(f"cn=both,{GROUPS}", ldap.SCOPE_BASE)
    assert sorted(row["memberUid"]) == [b"p30", b"p31"]
    assert len(row["member"]) == 2
    assert {one.login for one in connector.administrators("primary")} == {"p30"}


def test_somebody_without_a_log_in_has_a_name_and_is_in_no_group_of_log_ins(server: Foreign) -> None:
    connector = _connect(server)
    account = _account(connector, 40)
    _write(server, staff_dn(40), [(ldap.MOD_DELETE, "uid", None)])
    [found] = connector.find(Person("", ("p40@contoso.example",))).accounts
    assert (found.login, found.matched_by) == (name(40), "mail")
    assert [group.name for group in connector.groups(account)] == ["Vertrieb"]


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"password": SecretStr("wrong")}, BadCredential, "refuses the log-in"),
        ({"bind_dn": "cn=nobody,o=Contoso GmbH,c=DE"}, BadCredential, "refuses the log-in"),
        ({"base_dn": "dc=wrong,dc=example"}, ConnectorError, "dc=wrong,dc=example"),
        ({"base_dn": f"ou=Nirgends,{STAFF}"}, ConnectorError, "Nirgends"),
        ({"people_filter": "(objectClass=sambaSamAccount)"}, ConnectorError, "may not read anybody"),
        ({"group_base_dn": f"ou=Grupen,{SUFFIX}"}, Forbidden, "group_base_dn: there is no ou=Grupen"),
        ({"dialect": "active_directory", "lock_by": "ppolicy"}, Forbidden, "another dialect is right"),
    ],
)
def test_each_wrong_setting_has_its_words(server: Foreign, change: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        _connect(server, **change).check()


def test_a_base_without_groups_is_said(server: Foreign) -> None:
    assert "NO GROUP" in _connect(server, base_dn=STAFF).check()
    assert "NO GROUP" not in _connect(server, base_dn=STAFF, group_base_dn=GROUPS).check()


def test_who_is_moved_out_of_the_base_is_not_gone(server: Foreign) -> None:
    everywhere, staff = _connect(server), _connect(server, base_dn=STAFF)
    account = _account(everywhere, 126)
    with server.bound(ROOT_DN, ROOT_PASSWORD) as root:
        root.rename_s(staff_dn(126), "cn=Person 126", SUFFIX)
    gone = AccountId(str(uuid4()))
    seen = staff.observe([account, gone])
    assert (seen[account].verdict, seen[gone].verdict) == (Verdict.OPEN, Verdict.ABSENT)
    staff.lock(staff.before(account))
    assert everywhere.observe([account])[account].verdict is Verdict.LOCKED


def test_a_manager_in_another_directory_hides_nobody(server: Foreign) -> None:
    elsewhere = b"cn=Chef,dc=elsewhere,dc=example"
    _write(server, staff_dn(127), [(ldap.MOD_ADD, "manager", [elsewhere])])
    [found] = _connect(server).find(Person("", ("p127@contoso.example",))).accounts
    assert (found.login, found.manager_email) == ("p127", "")


def test_an_account_whose_id_may_not_be_read_is_forbidden_and_said(server: Foreign) -> None:
    with pytest.raises(Forbidden, match=r"cn=Person 128.* matches, and .* may not read its entryUUID"):
        _connect(server).find(Person("", ("p128@contoso.example",)))


def test_a_base_on_another_server_is_said_with_what_to_do(server: Foreign) -> None:
    with pytest.raises(Forbidden, match=r"dc=wrong,dc=example lies on another server .*correct that name"):
        _connect(server, base_dn="dc=wrong,dc=example").check()


def test_the_bots_own_account_is_known_by_its_id(server: Foreign) -> None:
    with server.bound(ROOT_DN, ROOT_PASSWORD) as root:
        [(_, row)] = root.search_s(server.bind_dn, ldap.SCOPE_BASE, attrlist=["entryUUID"])
    assert _connect(server).own_account() == row["entryUUID"][0].decode()
    assert _connect(server, bind_dn=ROOT_DN, password=SecretStr(ROOT_PASSWORD)).own_account() == "Chef"


def test_lock_by_is_openldaps_alone(server: Foreign) -> None:
    with pytest.raises(ValidationError, match="lock_by"):
        _connect(server, dialect="389ds")


def test_a_list_of_everybody_that_the_server_cuts_short_is_an_error_and_never_a_part(server: Foreign) -> None:
    with pytest.raises(Forbidden, match="cut short; raise the server's limits for bind_dn"):
        list(_connect(server).everyone())


def test_everybody_is_alive_where_the_password_is_the_lock(server: Foreign) -> None:
    connector = _connect(server, people_filter="(uid=p30)")
    assert [one.id for one in connector.alive()] == [_account(connector, 30)]
    with pytest.raises(Unavailable, match="no filter for locked accounts"):
        connector.locked()
