"""Duties in a real Samba domain and a real 389 Directory Server, where they differ from those in slapd."""

from collections.abc import Iterator, Sequence
from uuid import uuid4

import ldap
import pytest

from connectors.conformance.accounts import newcomer
from connectors.conformance.duties import fresh
from connectors.contract import DutyKind, Person
from connectors.errors import Missing, Unavailable
from connectors.ldap.wire import Entry
from tests.connectors.ldap.ad_world import AdWorld
from tests.connectors.ldap.test_ad_rights import _whole, _with_rules
from tests.connectors.ldap.test_ns389 import OWN, add, connect
from tests.sandbox.company import samba_seed
from tests.sandbox.company.ns389 import GROUPS as GROUPS_389
from tests.sandbox.company.ns389 import Ns389, allow

SERVICE = "CN=sql01,DC=corp,DC=example,DC=org"
ACTS_FOR = "msDS-AllowedToActOnBehalfOfOtherIdentity"


def test_a_domain_lists_what_is_managed_by_somebody_and_what_runs_as_them(ad: AdWorld) -> None:
    who, other = newcomer(), newcomer()
    account, stranger = ad.add(who), ad.add(other)
    connector, group, spn = ad.connect(), fresh("R+D, *"), f"MSSQLSvc/{uuid4().hex[:8]}.corp.example.org:1433"
    assert list(connector.duties(account)) == []
    assert list(connector.unseen_duties(account)) == []
    managed = [("objectClass", [b"group"]), ("managedBy", [ad.dn(account).encode()])]
    ad.samba.add(samba_seed.group_dn(group), managed)
    ad.samba.add(samba_seed.group_dn(fresh()), [("objectClass", [b"group"]), ("managedBy", [ad.dn(stranger).encode()])])
    ad.samba.modify(ad.dn(account), [(ldap.MOD_ADD, "servicePrincipalName", [spn.encode()])])
    for change in ([], [(ldap.MOD_REPLACE, "userAccountControl", [b"514"])]):
        report = newcomer()
        ad.add(report, manager=ad.dn(account))
        if change:
            ad.samba.modify(samba_seed.person_dn(report.login), change)
    found = list(connector.duties(account))
    assert [(one.kind, one.what, one.title, one.stops) for one in found[:1]] == [
        (DutyKind.RUNS, "servicePrincipalName", spn, True)
    ]
    assert sorted((one.what, one.active) for one in found[1:]) == [
        ("managedBy", True),
        ("manager", False),
        ("manager", True),
    ]
    assert [(one.title, one.place) for one in found if one.what == "managedBy"] == [(group, samba_seed.group_dn(group))]
    connector.lock(connector.before(account))
    assert {one.id for one in connector.duties(account)} == {one.id for one in found}
    with pytest.raises(Missing):
        connector.duties(ad.nobody())


class Link:
    """A connection that shows one service. Samba 4.17 lets nobody write such a list over LDAP."""

    def __init__(self, descriptor: bytes) -> None:
        self._row = Entry.read(SERVICE, {"cn": [b"sql01"], "objectGUID": [bytes(16)], ACTS_FOR: [descriptor]})

    def read(self, dn: str, attributes: Sequence[str]) -> None: ...

    def search(self, base: str, query: str, *_more: object) -> list[Entry]:
        return [self._row] if query == f"({ACTS_FOR}=*)" else []


def test_who_may_act_for_others_at_a_service_is_read_from_its_list(ad: AdWorld) -> None:
    directory = ad.connect()._directory
    sids = [ad.entry(ad.dn(ad.add(newcomer())))["objectSid"][0] for _ in range(2)]
    account, stranger = (Entry.read("cn=x", {"objectSid": [sid]}) for sid in sids)
    link = Link(_with_rules([_whole(sids[0])]))
    [found] = directory.dialect.own_duties(link, directory, account)
    assert (found.kind, found.what, found.title, found.place) == (DutyKind.RUNS, ACTS_FOR, "sql01", SERVICE)
    assert list(directory.dialect.own_duties(link, directory, stranger)) == []
    with pytest.raises(Unavailable, match="who may act for others"):
        list(directory.dialect.own_duties(Link(b"\x01" * 20), directory, stranger))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ns389]:
    with Ns389(tmp_path_factory.mktemp("ns389")) as made:
        yield made


def test_a_389_server_lists_owned_groups_and_says_what_is_hidden(server: Ns389) -> None:
    who = newcomer()
    dn, connector = add(server, who, OWN), connect(server)
    [account] = [one.id for one in connector.find(Person("", (), (who.login,))).accounts]
    assert list(connector.duties(account)) == []
    assert list(connector.unseen_duties(account)) == []
    group = f"cn={fresh('team')},{GROUPS_389}"
    server.add(group, {"objectClass": ["groupOfNames"], "owner": [dn]})
    assert [(one.kind, one.what, one.place) for one in connector.duties(account)] == [(DutyKind.OWNED, "owner", group)]
    with server.rights(allow("all", "*").replace('(targetattr="*")', '(targetattr!="owner")')):
        assert list(connect(server).duties(account)) == []
        [words] = connect(server).unseen_duties(account)
        assert "may not search owner of " in words
