"""Duties given and stopped in a real slapd: one value of one attribute, and nothing else."""

from collections.abc import Iterator

import ldap
import pytest

from connectors.conformance.accounts import newcomer
from connectors.conformance.duty_changes import DutyChangesSuite, Made, duty, fresh
from connectors.contract import Change, DutyAct, DutyId
from connectors.errors import Conflict, Forbidden
from tests.connectors.ldap.duties_world import SHY, UNREAD
from tests.connectors.ldap.duty_changes_world import CLASSES, DutyChangesLdapWorld, changing_directory
from tests.sandbox.company import ldif


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DutyChangesLdapWorld]:
    with changing_directory(tmp_path_factory.mktemp("slapd")) as world:
        yield world


class TestDutyChanges(DutyChangesSuite):
    @pytest.fixture
    def world(self, own: DutyChangesLdapWorld) -> DutyChangesLdapWorld:
        return own


@pytest.mark.parametrize("kind", ["answered", "answeredMore"])
def test_the_only_value_that_the_schema_demands_is_given_and_not_stopped(own: DutyChangesLdapWorld, kind: str) -> None:
    assert f"'{kind}'" in CLASSES
    account, successor, title = own.person(), own.person(), fresh()
    classes, dn = ["device", kind], f"cn={title},{SHY}"
    own.slapd.add(dn, {"objectClass": classes, "cn": [title], "owner": [own.dn(account)], "seeAlso": [own.dn(account)]})
    connector = own.connect()
    owned, seen = sorted(connector.duties(account), key=lambda one: one.what)
    image = connector.duty_image(account, owned.id)
    assert image.acts == {DutyAct.GIVE}
    assert "is the only one: give it to somebody" in image.why_not
    assert connector.duty_image(account, seen.id).acts == set(DutyAct)
    with pytest.raises(Forbidden, match="give it to somebody"):
        connector.stop(image)
    assert connector.give(image, successor) is Change.MADE
    assert own.holders("owner", title) == {successor}
    own.hold("owner", title, [account, successor])
    assert connector.duty_image(account, owned.id).acts == set(DutyAct)


def test_a_demand_that_the_schema_does_not_show_is_a_conflict(own: DutyChangesLdapWorld) -> None:
    account, title = own.person(), fresh()
    values = {"objectClass": ["device", "answered"], "cn": [title], "owner": [own.dn(account)]}
    own.slapd.add(f"cn={title},{SHY}", values)
    connector = own.connect()
    connector._duty_changes._schema = float("inf"), None
    image = connector.duty_image(account, duty(connector, account, title).id)
    assert image.acts == set(DutyAct)
    with pytest.raises(Conflict, match="is the only one: give it to somebody"):
        connector.stop(image)
    assert own.holders("owner", title) == {account}


def test_values_that_may_not_be_read_are_not_changed(own: DutyChangesLdapWorld) -> None:
    account, title = own.person(), fresh()
    own.give(account, "owner", [title])
    connector = own.as_(UNREAD)
    image = connector.duty_image(account, duty(connector, account, title).id)
    assert (image.acts, "may not read owner of" in image.why_not) == (frozenset(), True)


@pytest.mark.parametrize("login", ["a, b+c", 'o\'brien "x"', "Юлия #1", " a=b\\d"])
def test_a_name_is_data(own: DutyChangesLdapWorld, login: str) -> None:
    who, heir = newcomer(login.strip()), newcomer(f"{login.strip()} 2")
    account, successor, title = own.add(who), own.add(heir), fresh()
    own.give(account, "manager", [title])
    connector = own.connect()
    image = connector.duty_image(account, duty(connector, account, title).id)
    assert connector.give(image, successor) is Change.MADE
    assert own.holders("manager", title) == {successor}
    assert connector.put_back(image, successor) is Change.MADE
    assert own.holders("manager", title) == {account}


def test_an_entry_that_moved_and_a_leaver_who_moved_are_found(own: DutyChangesLdapWorld) -> None:
    one = Made(own, "seeAlso")
    home, moved = own.dn(one.account), f"uid={fresh('moved')}"
    with own.slapd.bound() as root:
        root.rename_s(f"cn={one.title},{SHY}", f"cn={one.title}", ldif.GROUPS_DN)
        root.rename_s(home, moved, None)
    assert one.write(DutyAct.GIVE) is Change.MADE, "the old name is in the image"
    with own.slapd.bound() as root:
        root.rename_s(f"{moved},{ldif.PEOPLE_DN}", home.partition(",")[0], None)
    assert one.put_back(DutyAct.GIVE) is Change.MADE
    assert one.holders == {one.account}


def test_a_value_that_is_no_person_stays(own: DutyChangesLdapWorld) -> None:
    one, other = Made(own, "seeAlso"), f"cn=Nobody\\2C Ltd,{SHY}".encode()
    dn = f"cn={one.title},{SHY}"
    own.slapd.modify(dn, [(ldap.MOD_ADD, "seeAlso", [other])])
    with pytest.raises(Conflict):
        one.write(DutyAct.GIVE)
    one.image = one.connector.duty_image(one.account, one.id)
    assert one.write(DutyAct.GIVE) is Change.MADE
    with own.slapd.bound() as root:
        [(_dn, values)] = root.search_s(dn, ldap.SCOPE_BASE)
    assert sorted(values["seeAlso"]) == sorted([other, own.dn(one.successor).encode()])


def test_a_duty_without_a_readable_id_is_found_by_its_name(own: DutyChangesLdapWorld) -> None:
    account, title, connector = own.person(), fresh("a, b"), own.connect()
    own.give(account, "owner", [title])
    found = own.place("owner", title)
    assert found
    image = connector.duty_image(account, DutyId(f"owner:{found[0]}"))
    assert connector.stop(image) is Change.MADE
    assert own.holders("owner", title) == frozenset()


def test_a_report_does_not_become_their_own_manager(own: DutyChangesLdapWorld) -> None:
    account, report, connector = own.person(), own.person(), own.connect()
    own.slapd.modify(own.dn(report), [(ldap.MOD_ADD, "manager", [own.dn(account).encode()])])
    [found] = connector.duties(account)
    with pytest.raises(Forbidden, match="their own entry"):
        connector.give(connector.duty_image(account, found.id), report)
