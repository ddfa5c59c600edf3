"""Leaving and joining a group changes nobody else: the other members are compared, on a real server."""

import ldap
import pytest
from pydantic import SecretStr

from connectors.conformance.accounts import newcomer
from connectors.contract import Change
from connectors.errors import OthersTouched, OutcomeUnknown
from connectors.ldap import memberships
from connectors.ldap.connection import LdapConnection
from connectors.ldap.connector import Ldap
from connectors.ldap.wire import Modification
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company import ldif
from tests.sandbox.company.slapd_conf import ROOT_DN, ROOT_PASSWORD

SEND = LdapConnection.modify


@pytest.mark.parametrize("act", ["remove", "restore"])
def test_a_server_that_replaces_the_members_is_found_out(
    world: LdapWorld, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    people = [newcomer() for _ in range(4)]
    ids = [world.add(one) for one in people]
    group = world.add_group(f"replaced by {act}", ids[:3] if act == "remove" else ids[1:3])
    connector = world.connect()

    def replace(link: LdapConnection, dn: str, changes: list[Modification], controls: tuple[object, ...] = ()) -> None:
        left = people[3] if act == "remove" else people[0]
        SEND(link, dn, [(ldap.MOD_REPLACE, "member", [ldif.person_dn(left.login).encode()])], controls)

    monkeypatch.setattr(LdapConnection, "modify", replace)
    with pytest.raises(OthersTouched) as caught:
        getattr(connector, act)(ids[0], group)
    assert (caught.value.stop, caught.value.count) == (True, 2)
    assert all(one.login in str(caught.value) for one in people[1:3])
    monkeypatch.undo()
    assert getattr(connector, act)(ids[0], group) is Change.ALREADY, "said once; the case keeps it"


def test_an_answer_that_is_lost_after_the_write_hides_nobody(world: LdapWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [newcomer() for _ in range(3)]
    ids = [world.add(one) for one in people]
    group, connector = world.add_group("replaced and lost", ids[:2]), world.connect()
    read, broken, sent = LdapConnection.read, list[str](), list[str]()

    def replace(link: LdapConnection, dn: str, changes: list[Modification], controls: tuple[object, ...] = ()) -> None:
        if sent:
            SEND(link, dn, changes, controls)
        SEND(link, dn, [(ldap.MOD_REPLACE, "member", [ldif.person_dn(people[2].login).encode()])], controls)
        broken.append(dn)
        sent.append(dn)

    def fail_once(link: LdapConnection, *asked: object) -> object:
        if broken:
            broken.clear()
            raise ldap.SERVER_DOWN
        return read(link, *asked)  # type: ignore[arg-type]

    monkeypatch.setattr(LdapConnection, "modify", replace)
    monkeypatch.setattr(LdapConnection, "read", fail_once)
    with pytest.raises(OthersTouched) as caught:
        connector.remove(ids[0], group)
    assert (people[1].login in str(caught.value), caught.value.count) == (True, 1)


def test_a_member_who_was_locked_and_left_at_the_same_time_is_not_lost(
    world: LdapWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [newcomer() for _ in range(3)]
    ids = [world.add(one) for one in people]
    group, connector, other = world.add_group("two leave", ids), world.connect(), world.connect()
    other.lock(other.before(ids[1]))

    def meanwhile(
        link: LdapConnection, dn: str, changes: list[Modification], controls: tuple[object, ...] = ()
    ) -> None:
        monkeypatch.undo()
        other.remove(ids[1], group)
        link.modify(dn, changes, controls)

    monkeypatch.setattr(LdapConnection, "modify", meanwhile)
    assert connector.remove(ids[0], group) is Change.MADE
    assert world.members(group) == {ids[2]}


def test_six_thousand_others_are_compared_one_by_one(world: LdapWorld) -> None:
    leaver = world.add(newcomer())
    group = world.add_group("six thousand", [leaver])
    others = [f"uid=member-{number},{ldif.PEOPLE_DN}".encode() for number in range(6000)]
    world.slapd.modify(ldif.group_dn("six thousand"), [(ldap.MOD_ADD, "member", others)])
    connector = world.connect()
    assert connector.remove(leaver, group) is Change.MADE
    assert connector.remove(leaver, group) is Change.ALREADY
    entry = world.slapd.groups()["six thousand"]
    assert len(entry["member"]) == 6000
    world.slapd.delete(ldif.group_dn("six thousand"))


def test_a_role_is_left_and_comes_back(world: LdapWorld) -> None:
    one, other = newcomer(), newcomer()
    account, dn = world.add(one), f"cn=duty officer,{ldif.GROUPS_DN}"
    world.add(other)
    occupants = [ldif.person_dn(one.login), ldif.person_dn(other.login)]
    world.slapd.add(dn, {"objectClass": ["organizationalRole"], "cn": ["duty officer"], "roleOccupant": occupants})
    connector = Ldap(world.settings(bind_dn=ROOT_DN, password=SecretStr(ROOT_PASSWORD)))
    try:
        [role] = connector.groups(account)
        assert (role.name, role.fixed) == ("duty officer", "")
        assert connector.remove(account, role.id) is Change.MADE
        assert connector.groups(account) == []
        assert connector.restore(account, role.id) is Change.MADE
        assert [one.id for one in connector.groups(account)] == [role.id]
    finally:
        world.slapd.delete(dn)


def test_a_rule_that_makes_the_members_is_said(world: LdapWorld) -> None:
    one, other = newcomer(), newcomer()
    account, stranger, connector = world.add(one), world.add(other), world.connect()
    with connector._connections.pool.slot(5) as slot:
        link = slot.connection or connector._connections._reach(connector._connections._bind)
        where = ldif.person_dn(one.login)
        base = f"ldap:///{ldif.PEOPLE_DN.replace(' ', '%20')}??sub?"
        assert memberships._matches(link, where, f"{base}(uid={one.login})")
        assert not memberships._matches(link, where, f"{base}(uid={other.login})")
        assert not memberships._matches(link, where, f"ldap:///{ldif.GROUPS_DN}??sub?(uid={one.login})")
        assert memberships._matches(link, where, "no URL"), "what cannot be read is said, too"
    assert connector.groups(account) == connector.groups(stranger) == []


@pytest.mark.parametrize("cleared", [False, True])
def test_a_write_whose_answer_was_lost_is_compared_on_the_next_try(
    world: LdapWorld, monkeypatch: pytest.MonkeyPatch, cleared: bool
) -> None:
    people = [newcomer() for _ in range(3)]
    ids = [world.add(one) for one in people]
    group, connector = world.add_group(f"lost answer {cleared}", ids), world.connect()

    def lose(link: LdapConnection, dn: str, changes: list[Modification], controls: tuple[object, ...] = ()) -> None:
        last = [(ldap.MOD_REPLACE, "member", [ldif.person_dn(people[2].login).encode()])]
        SEND(link, dn, last if cleared else changes, controls)
        raise OutcomeUnknown("no answer came")

    monkeypatch.setattr(LdapConnection, "modify", lose)
    with pytest.raises(OutcomeUnknown):
        connector.remove(ids[0], group)
    monkeypatch.undo()
    if cleared:
        with pytest.raises(OthersTouched, match=people[1].login):
            connector.remove(ids[0], group)
    else:
        assert connector.remove(ids[0], group) is Change.MADE, "compared, and nobody else is gone"
    assert connector.remove(ids[0], group) is Change.ALREADY
