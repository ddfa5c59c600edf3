"""Licences by membership in a real slapd and a real Samba: the suite, and settings that do not fit the directory."""

from collections.abc import Iterator

import ldap
import pytest

from connectors.conformance.accounts import newcomer
from connectors.conformance.licences import LicencesSuite, named, names
from connectors.contract import LicenceId
from connectors.errors import Conflict, Forbidden, Missing, OthersTouched
from connectors.ldap import MANIFEST
from tests.connectors.ldap.licences_world import RULES, LicencesAdWorld, LicencesLdapWorld, ShutLicencesWorld
from tests.connectors.ldap.test_blind_spots import directory
from tests.sandbox.company import ldif
from tests.sandbox.company.samba import Samba
from tests.sandbox.company.slapd import Slapd


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShutLicencesWorld]:
    served = directory(
        tmp_path_factory.mktemp("slapd"), lambda text: text.replace("access to ", f"{RULES}access to ", 1)
    )
    with served as world:
        yield ShutLicencesWorld(world.slapd)


class TestLicences(LicencesSuite):
    @pytest.fixture
    def world(self, own: ShutLicencesWorld) -> ShutLicencesWorld:
        return own


class TestActiveDirectoryLicences(LicencesSuite):
    @pytest.fixture
    def world(self, samba: Samba) -> LicencesAdWorld:
        return LicencesAdWorld(samba)


@pytest.fixture
def seats(slapd: Slapd) -> LicencesLdapWorld:
    return LicencesLdapWorld(slapd)


def test_without_the_setting_nothing_is_asked_and_no_group_is_a_licence(seats: LicencesLdapWorld) -> None:
    account = seats.person()
    seats.give(account, seats.names[0])
    connector = seats.connected(licence_groups=())
    assert list(connector.licences(account)) == []
    assert [group.licence for group in connector.groups(account)] == [False]
    [words] = [one for one in MANIFEST.cannot if "licence_groups" in one]
    assert connector.has_limitation(words)
    assert not seats.connect().has_limitation(words)


def test_a_name_in_other_case_or_an_id_means_the_same_group(seats: LicencesLdapWorld) -> None:
    account, name = seats.person(), seats.names[0]
    seats.give(account, name)
    for setting in (name.upper(), str(seats.groups[name])):
        assert names(seats.connected(licence_groups=(setting,)).licences(account)) == [name]


def test_the_groups_are_marked_and_no_other(seats: LicencesLdapWorld) -> None:
    account = seats.person()
    team = seats.add_group(f"team of {account}", [account])
    seats.give(account, seats.names[1])
    marked = {group.id: group.licence for group in seats.connect().groups(account)}
    assert marked == {team: False, seats.groups[seats.names[1]]: True}


def test_a_name_that_no_group_has_is_said_and_is_not_none(seats: LicencesLdapWorld) -> None:
    account = seats.person()
    seats.give(account, seats.names[0])
    connector = seats.connected(licence_groups=(seats.names[0], "Visoi"))
    with pytest.raises(Conflict, match="no groups are named Visoi"):
        connector.licences(account)
    connector.check()
    assert any("Visoi" in words for words in connector.blind_spots())
    assert [group.licence for group in connector.groups(account)] == [False]
    assert not any("licence_groups" in words for words in seats.connect().blind_spots())


def test_two_groups_of_one_name_need_an_id(seats: LicencesLdapWorld) -> None:
    account, name = seats.person(), seats.names[0]
    seats.give(account, name)
    other = f"ou={seats.keeper},{ldif.GROUPS_DN}"
    seats.slapd.add(other, {"objectClass": ["organizationalUnit"], "ou": [str(seats.keeper)]})
    member = [ldif.person_dn(seats.login(seats.keeper))]
    cn = ldap.dn.escape_dn_chars(name)
    seats.slapd.add(f"cn={cn},{other}", {"objectClass": ["groupOfNames"], "cn": [name], "member": member})
    with pytest.raises(Conflict, match=r"2 groups are named .*use the id"):
        seats.connected(licence_groups=(name,)).licences(account)
    by_id = seats.connected(licence_groups=(str(seats.groups[name]),))
    assert names(by_id.licences(account)) == [name]


def test_hidden_members_of_one_group_are_not_none(own: ShutLicencesWorld) -> None:
    account = own.person()
    own.give(account, own.names[0])
    with pytest.raises(Forbidden, match="may not see the members"):
        own.refused().licences(account)


def test_a_licence_through_a_nested_group_is_listed_and_goes_with_that_group(seats: LicencesLdapWorld) -> None:
    account, name = seats.person(), seats.names[0]
    team = f"team of {account}"
    inner = seats.add_group(team, [account, seats.keeper])
    seats.slapd.modify(ldif.group_dn(name), [(ldap.MOD_ADD, "member", [ldif.group_dn(team).encode()])])
    connector = seats.connect()
    [found] = connector.licences(account)
    assert (found.name, found.through) == (name, team)
    assert team in found.fixed
    with pytest.raises(Conflict, match="comes with another group"):
        connector.reclaim(account, found.id)
    connector.remove(account, inner)
    assert list(connector.licences(account)) == []


def test_a_group_that_is_no_licence_is_never_left_or_joined(seats: LicencesLdapWorld) -> None:
    account = seats.person()
    team = seats.add_group(f"team of {account}", [account, seats.keeper])
    connector, writes = seats.connect(), seats.writes()
    for act in (connector.reclaim, connector.give_licence):
        with pytest.raises(Missing, match="licence_groups names no group"):
            act(account, LicenceId(team))
    assert (seats.members(team), seats.writes()) == (frozenset({account, seats.keeper}), writes)


def test_the_last_member_of_a_group_that_may_not_be_empty_is_a_conflict(seats: LicencesLdapWorld) -> None:
    account, name = seats.person(), seats.names[0]
    seats.give(account, name)
    seats.take(seats.keeper, name)
    connector = seats.connect()
    with pytest.raises(Conflict, match="last member"):
        connector.reclaim(account, named(connector.licences(account), name))
    assert seats.held()[account] == {name}


def test_other_members_who_are_lost_are_reported(seats: LicencesLdapWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    account, name = seats.person(), seats.names[0]
    other = seats.person()
    seats.give(account, name)
    seats.give(other, name)
    connector = seats.connect()
    licence = named(connector.licences(account), name)
    compare = connector._memberships._others.compare

    def lossy(*args: object) -> bool:
        seats.take(other, name)
        monkeypatch.undo()
        return compare(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(connector._memberships._others, "compare", lossy)
    with pytest.raises(OthersTouched, match="gone"):
        connector.reclaim(account, licence)


def test_a_new_name_of_a_group_keeps_the_licence_by_its_id(seats: LicencesLdapWorld) -> None:
    account, name = seats.person(), seats.names[0]
    seats.give(account, name)
    connector = seats.connected(licence_groups=(str(seats.groups[name]),))
    [before] = connector.licences(account)
    with seats.slapd.bound() as root:
        root.rename_s(ldif.group_dn(name), f"cn=renamed {account}")
    [after] = connector.licences(account)
    assert (after.id, after.name) == (before.id, f"renamed {account}")


def test_a_new_account_has_none(seats: LicencesLdapWorld) -> None:
    assert list(seats.connect().licences(seats.add(newcomer()))) == []
