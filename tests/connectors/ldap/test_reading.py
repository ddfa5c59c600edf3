"""Reads of people, of more accounts than the server's limits, and of groups of every kind; faults in the settings."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from connectors.conformance.accounts import newcomer
from connectors.contract import AccountId, Change, GroupId, Person, Verdict
from connectors.errors import Conflict, Forbidden, Missing
from connectors.ldap import MANIFEST
from connectors.ldap.connector import Ldap
from connectors.ldap.settings import LdapSettings
from connectors.ldap.wire import hashes
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company import ldif
from tests.sandbox.company.people import LEAVER, MANAGER, Employee, Team
from tests.sandbox.company.slapd import Slapd
from workflows.systems.registry import System


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LdapWorld]:
    people = [Employee(f"p{n}", f"Person {n}", Team.SALES, "Clerk") for n in range(700)]
    with Slapd(tmp_path_factory.mktemp("crowd"), people) as server:
        yield LdapWorld(server)


def test_an_account_carries_title_and_manager(world: LdapWorld) -> None:
    (found,) = world.connect().find(Person("", (LEAVER.email.upper(),))).accounts
    assert (found.login, found.name, found.title, found.manager_email, found.matched_by) == (
        LEAVER.uid,
        LEAVER.name,
        LEAVER.title,
        MANAGER.email,
        "mail",
    )


def test_a_crowd_is_observed_whole(crowd: LdapWorld) -> None:
    ids = list(crowd.truth())
    seen = Ldap(crowd.settings()).observe(ids)
    assert len(ids) == 700
    assert {o.verdict for o in seen.values()} == {Verdict.OPEN}


def test_an_answer_cut_short_is_an_error(crowd: LdapWorld) -> None:
    connector = Ldap(crowd.settings())
    with pytest.raises(Forbidden, match="cut short"):
        connector._connections.run(lambda link: list(link.search(crowd.slapd.base_dn, "(uid=*)", ["uid"])), "reading")


def test_what_cannot_be_an_id_is_unknown_and_never_absent(world: LdapWorld) -> None:
    odd = AccountId("*")
    assert world.connect().observe([odd])[odd].verdict is Verdict.UNKNOWN
    with pytest.raises(Missing):
        world.connect().before(odd)


def test_nothing_to_look_up_by_is_never_absent(world: LdapWorld) -> None:
    with pytest.raises(Missing):
        world.connect().find(Person("Dana O'Neill", ("",)))


def test_the_last_member_cannot_leave(world: LdapWorld) -> None:
    account = world.add(newcomer())
    group = world.add_group(f"alone {account}", [account])
    with pytest.raises(Conflict, match="last member"):
        world.connect().remove(account, group)
    assert world.members(group) == {account}


@pytest.mark.parametrize(("kind", "attribute"), [("groupOfUniqueNames", "uniqueMember"), ("posixGroup", "memberUid")])
def test_groups_of_other_kinds(world: LdapWorld, kind: str, attribute: str) -> None:
    who = newcomer()
    account, connector, name = world.add(who), world.connect(), f"{kind} {who.login}"
    values = [who.login, "x"] if attribute == "memberUid" else [ldif.person_dn(u) for u in (who.login, "max.weber")]
    number = {"gidNumber": ["7"]} if kind == "posixGroup" else {}
    world.slapd.add(ldif.group_dn(name), {"objectClass": [kind], "cn": [name], attribute: values, **number})
    (group,) = connector.groups(account)
    assert connector.remove(account, group.id) is Change.MADE
    assert [v.decode() for v in world.slapd.groups()[name][attribute]] == values[1:]
    assert connector.remove(account, group.id) is Change.ALREADY
    assert connector.restore(account, group.id) is Change.MADE
    assert connector.restore(account, group.id) is Change.ALREADY


def test_a_group_that_could_not_be_left_need_not_be_joined(world: LdapWorld) -> None:
    who = newcomer()
    account, connector, dn = world.add(who), world.connect(), f"cn=beyond {who.login},{world.slapd.base_dn}"
    world.slapd.add(dn, {"objectClass": ["groupOfNames"], "cn": ["beyond"], "member": [ldif.person_dn(who.login)]})
    try:
        [group] = connector.groups(account)
        with pytest.raises(Forbidden, match="write access to members"):
            connector.remove(account, group.id)
        assert connector.restore(account, group.id) is Change.ALREADY
    finally:
        world.slapd.delete(dn)


def test_what_is_no_group_is_missing(world: LdapWorld) -> None:
    account = world.add(newcomer())
    for group in (GroupId("*"), GroupId(account)):
        with pytest.raises(Missing):
            world.connect().remove(account, group)


def test_clear_passwords_are_never_kept() -> None:
    assert hashes(["secret", "{SSHA}abc", "{CLEARTEXT}secret", "{SASL}who@REALM"]) == ("{SSHA}abc", "{SASL}who@REALM")


GOOD: dict[str, Any] = {
    "urls": ["ldaps://directory.example.com/"],
    "bind_dn": "cn=bot",
    "password": "env:PW",
    "base_dn": "dc=example",
}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"urls": ["ldap://directory.example.com"]}, "unprotected"),
        ({"urls": ["https://directory.example.com"]}, "is not an address"),
        ({"urls": []}, "at least 1"),
        ({"start_tls": True}, "has TLS already"),
        ({"password": "hunter2"}, "reference"),
        ({"password": SecretStr("")}, "is empty"),
        ({"ca_file": "/nowhere/ca.pem"}, "no file"),
        ({"dialect": "notes"}, "openldap"),
        ({"surprise": 1}, "not permitted"),
        ({"base_dn": "example.com"}, "is not a DN"),
        ({"group_base_dn": "groups"}, "is not a DN"),
        ({"bind_dn": "bot@example.com"}, "bind_dn: is not a DN"),
        ({"people_filter": "objectClass=person"}, "one filter in parentheses"),
        ({"people_filter": "(objectClass=person"}, "one filter in parentheses"),
        ({"people_filter": "(objectClass=person)(uid=*)"}, "one filter in parentheses"),
        ({"people_filter": "(person)"}, "one filter in parentheses"),
    ],
)
def test_faults_of_the_settings(change: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault) as caught:
        LdapSettings.model_validate(GOOD | change, context={"env": {"PW": "x"}})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dialect": "openldap"}, 3),
        ({"dialect": "389ds"}, 3),
        ({"dialect": "active_directory"}, 7),
        ({"lock_by": "password"}, 4),
    ],
)
def test_only_what_the_dialect_cannot_do_is_said(change: dict[str, str], said: int) -> None:
    settings = LdapSettings.model_validate(GOOD | change, context={"env": {"PW": "s3cret"}})
    assert len(System("directory", MANIFEST, Ldap(settings)).cannot) == said


def test_good_settings_and_the_manifest(tmp_path: Path) -> None:
    settings = LdapSettings.model_validate(GOOD, context={"env": {"PW": "s3cret"}})
    assert settings.urls == ("ldaps://directory.example.com",)
    nested = r"(&(objectClass=person)(!(cn=\28old\29)))"
    assert LdapSettings.model_validate(settings.model_dump() | {"people_filter": nested}).people_filter == nested
    assert "s3cret" not in repr(settings)
    can = ["Accounts", "Groups", "Roster", "Trace", "Administrators", "Duties", "DutyChanges", "Blockers", "Licences"]
    assert [c.__name__ for c in MANIFEST.capabilities] == can
    assert MANIFEST.settings is LdapSettings
