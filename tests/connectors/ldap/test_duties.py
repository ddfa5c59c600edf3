"""Duties in a real slapd: entries that point to the leaver, and what may not be searched."""

from collections.abc import Iterator

import ldap
import pytest

from connectors.conformance.duties import DutiesSuite, fresh
from connectors.contract import DutyKind
from connectors.ldap import references
from tests.connectors.ldap.duties_world import BLIND, PARTLY, SHUT, SHY, UNREAD, DutiesLdapWorld, duties_directory
from tests.connectors.ldap.test_absence import referral
from tests.sandbox.company import ldif


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DutiesLdapWorld]:
    with duties_directory(tmp_path_factory.mktemp("slapd")) as world:
        yield world


class TestDuties(DutiesSuite):
    @pytest.fixture
    def world(self, own: DutiesLdapWorld) -> DutiesLdapWorld:
        return own


def test_each_says_what_it_is_and_where_it_acts(own: DutiesLdapWorld) -> None:
    account, title = own.person(), fresh()
    own.give(account, "owner", [title])
    own.give(account, "manager", [fresh()])
    [owned, report] = own.connect().duties(account)
    assert (owned.kind, owned.what, owned.title, owned.place) == (
        DutyKind.OWNED,
        "owner",
        title,
        f"cn={title},{ldif.GROUPS_DN}",
    )
    assert (owned.stops, owned.fixed, report.kind) == (False, "", DutyKind.NAMED)


def test_one_entry_that_points_twice_is_two_duties(own: DutiesLdapWorld) -> None:
    account, title = own.person(), fresh()
    own.give(account, "owner", [title])
    own.slapd.modify(f"cn={title},{ldif.GROUPS_DN}", [(ldap.MOD_ADD, "seeAlso", [own.dn(account).encode()])])
    assert sorted(one.what for one in own.connect().duties(account)) == ["owner", "seeAlso"]


def test_an_attribute_that_may_be_searched_and_not_read_is_seen(own: DutiesLdapWorld) -> None:
    account = own.person()
    for what in own.kinds:
        own.give(account, what, [fresh()])
    connector = own.as_(UNREAD)
    assert sorted(one.what for one in connector.duties(account)) == sorted(own.kinds)
    assert list(connector.unseen_duties(account)) == []


def test_attributes_that_may_not_be_searched_are_named(own: DutiesLdapWorld) -> None:
    account = own.person()
    [words] = own.as_(SHUT).unseen_duties(account)
    assert "may not search owner, roleOccupant, manager, secretary, seeAlso of " in words


def test_one_folder_that_hides_an_attribute_is_said(own: DutiesLdapWorld) -> None:
    account, title = own.person(), fresh()
    own.slapd.add(f"cn={title},{SHY}", {"objectClass": ["device"], "cn": [title], "owner": [own.dn(account)]})
    assert [one.title for one in own.connect().duties(account)] == [title]
    connector = own.as_(PARTLY)
    assert list(connector.duties(account)) == []
    [words] = connector.unseen_duties(account)
    assert "may not search owner of " in words


def test_without_the_schema_nothing_is_taken_for_good(own: DutiesLdapWorld) -> None:
    [words] = own.as_(BLIND).unseen_duties(own.person())
    assert "the schema is not shown" in words


def test_a_part_of_the_tree_on_another_server_is_said(own: DutiesLdapWorld) -> None:
    account, connector = own.person(), own.connect()
    own.give(account, "owner", [fresh()])
    with referral(own):
        assert len(list(connector.duties(account))) == 1
        [words] = connector.unseen_duties(account)
    assert "127.0.0.1:9" in words
    assert list(connector.unseen_duties(account)) == []


def test_counting_that_takes_too_long_is_said(own: DutiesLdapWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "SECONDS", -1.0)
    [words] = own.connect().unseen_duties(own.person())
    assert "counting takes too long" in words
