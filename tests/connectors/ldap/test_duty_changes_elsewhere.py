"""Duties given and stopped in a real Samba domain and a real 389 Directory Server."""

from collections.abc import Iterator
from uuid import uuid4

import ldap
import pytest

from connectors.conformance.accounts import newcomer
from connectors.conformance.duty_changes import DutyChangesSuite, fresh
from connectors.contract import AccountId, Change, DutyAct, Person
from connectors.errors import Conflict, Forbidden, Missing
from connectors.ldap.connector import Ldap
from tests.connectors.ldap.duty_changes_world import DutyChangesAdWorld
from tests.connectors.ldap.test_ns389 import OWN, add, connect
from tests.sandbox.company.ns389 import GROUPS, RIGHTS, Ns389, allow
from tests.sandbox.company.samba import Samba


class TestDutyChanges(DutyChangesSuite):
    @pytest.fixture
    def world(self, samba: Samba) -> DutyChangesAdWorld:
        return DutyChangesAdWorld(samba)


def test_a_service_of_the_account_is_changed_where_it_is_set_up(samba: Samba) -> None:
    own = DutyChangesAdWorld(samba)
    account, successor, connector = own.person(), own.person(), own.connect()
    spn = f"MSSQLSvc/{uuid4().hex[:8]}.corp.example.org:1433"
    own.samba.modify(own.dn(account), [(ldap.MOD_ADD, "servicePrincipalName", [spn.encode()])])
    [found] = connector.duties(account)
    image = connector.duty_image(account, found.id)
    assert (image.acts, "a service runs so" in image.why_not) == (frozenset(), True)
    with pytest.raises(Forbidden, match="a service runs so"):
        connector.give(image, successor)
    with pytest.raises(Forbidden, match="a service runs so"):
        connector.put_back(image, None)
    with pytest.raises(Missing):
        connector.duty_image(successor, found.id)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ns389]:
    with Ns389(tmp_path_factory.mktemp("ns389")) as made:
        yield made


def people(server: Ns389, count: int) -> list[tuple[str, AccountId]]:
    found, connector = [], connect(server)
    for _one in range(count):
        who = newcomer()
        dn = add(server, who, OWN)
        [account] = connector.find(Person("", (), (who.login,))).accounts
        found.append((dn, account.id))
    return found


def owners(server: Ns389, dn: str) -> set[str]:
    with server.bound() as root:
        [(_dn, values)] = root.search_s(dn, ldap.SCOPE_BASE)
    return {value.decode() for value in values.get("owner", ())}


def group(server: Ns389, *holders: str) -> str:
    dn = f"cn={fresh('team')},{GROUPS}"
    server.add(dn, {"objectClass": ["groupOfNames"], "owner": [*holders]})
    return dn


def test_a_389_server_gives_stops_and_puts_back(server: Ns389) -> None:
    [(leaver, account), (heir, successor), (other, _third)] = people(server, 3)
    dn = group(server, leaver, other)
    with server.rights(*RIGHTS, allow("write", "owner")):
        connector = connect(server)
        [found] = connector.duties(account)
        image = connector.duty_image(account, found.id)
        assert (image.acts, image.why_not) == (frozenset(DutyAct), "")
        assert connector.give(image, successor) is Change.MADE
        assert owners(server, dn) == {heir, other}
        assert connector.give(image, successor) is Change.ALREADY
        assert connector.put_back(image, successor) is Change.MADE
        assert owners(server, dn) == {leaver, other}
        assert connector.stop(image) is Change.MADE
        assert owners(server, dn) == {other}
        assert connector.stop(image) is Change.ALREADY
        server.modify(dn, [(ldap.MOD_REPLACE, "owner", [heir.encode()])])
        with pytest.raises(Conflict):
            connector.put_back(image, None)
        assert owners(server, dn) == {heir}


def test_a_389_server_tells_that_nothing_may_be_written(server: Ns389) -> None:
    [(leaver, account), (_heir, successor)] = people(server, 2)
    dn = group(server, leaver)
    connector = connect(server)
    [found] = connector.duties(account)
    image = connector.duty_image(account, found.id)
    assert (image.acts, f"may not write owner of {dn}" in image.why_not) == (frozenset(), True)
    with pytest.raises(Forbidden, match="may not write owner"):
        connector.give(image, successor)
    assert owners(server, dn) == {leaver}


def test_rights_that_end_after_the_image_are_forbidden(server: Ns389) -> None:
    [(leaver, account), (_heir, successor)] = people(server, 2)
    dn = group(server, leaver)
    with server.rights(*RIGHTS, allow("write", "owner")):
        connector: Ldap = connect(server)
        [found] = connector.duties(account)
        image = connector.duty_image(account, found.id)
    with pytest.raises(Forbidden, match="write access to owner"):
        connector.give(image, successor)
    assert owners(server, dn) == {leaver}
