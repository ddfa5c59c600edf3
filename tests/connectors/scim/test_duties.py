"""Duties in a real SCIM server: roles, entitlements, and the users whose manager somebody is."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from connectors.conformance.accounts import newcomer
from connectors.conformance.duties import DutiesSuite, fresh
from connectors.contract import AccountId, DutyKind
from connectors.errors import Forbidden
from connectors.scim import duties
from connectors.scim.connector import Scim as Connector
from tests.connectors.scim.proxy import Proxy
from tests.connectors.scim.world import ScimWorld
from tests.sandbox.company.people import PEOPLE
from tests.sandbox.company.scim import Call, Scim

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


class DutiesWorld(ScimWorld):
    """Gives roles, entitlements and reports as the application's owner does."""

    kinds: Sequence[str] = ("manager", "role", "entitlement")
    many = 120

    def person(self) -> AccountId:
        return self.add(newcomer())

    def give(self, account: AccountId, what: str, titles: Sequence[str]) -> None:
        if what == "manager":
            for title in titles:
                self.report(account, title)
            return
        name = {"role": "roles", "entitlement": "entitlements"}[what]
        held = self.server.users()[account].get(name) or []
        self.server.change(account, **{name: [*held, *({"value": title} for title in titles)]})

    def report(self, account: AccountId, title: str, *, active: bool = True) -> str:
        who, more = newcomer(), {ENTERPRISE: {"manager": {"value": account}}}
        return self.server.add_user(who.login, displayName=title, active=active, **more)

    def give_disabled(self, account: AccountId, title: str) -> bool:
        self.report(account, title, active=False)
        return True

    def lock(self, account: AccountId) -> None:
        connector = self.connect()
        connector.lock(connector.before(account))

    def refused(self) -> Connector:
        """Let the server's list leave out the extension with the managers, from now on."""
        self.server.manners.rewrite = without_managers
        return self.connect()


def without_managers(call: Call, body: Any) -> Any:
    for row in body.get("Resources", ()) if call.path == "/Users" else ():
        row.pop(ENTERPRISE, None)
    return body


@pytest.fixture
def own() -> Iterator[DutiesWorld]:
    with Scim(people=PEOPLE[:4]) as server:
        proxy = Proxy(server.port)
        yield DutiesWorld(server, proxy)
        proxy.close()


class TestDuties(DutiesSuite):
    @pytest.fixture
    def world(self, own: DutiesWorld) -> DutiesWorld:
        return own


def test_each_says_what_it_is(own: DutiesWorld) -> None:
    account, report = own.person(), fresh()
    own.server.change(account, roles=[{"value": "r-17", "display": "Buyer"}, {"value": "admin"}])
    own.report(account, report)
    found = [(one.kind, one.what, one.title, one.stops) for one in own.connect().duties(account)]
    assert found == [
        (DutyKind.OWNED, "role", "Buyer", None),
        (DutyKind.OWNED, "role", "admin", None),
        (DutyKind.NAMED, "manager", report, False),
    ]


def test_a_list_that_leaves_managers_out_is_said(own: DutiesWorld) -> None:
    account = own.person()
    own.report(account, fresh())
    connector = own.refused()
    assert list(connector.duties(account)) == []
    [words] = connector.unseen_duties(account)
    assert "leaves out managers" in words


def test_a_list_without_managers_is_believed_if_no_account_alone_shows_one(own: DutiesWorld) -> None:
    account = own.person()
    for _ in range(duties.WITNESSES):
        own.person()
    before = len(own.server.asked("GET", "/Users/"))
    assert own.connect().unseen_duties(account) == ()
    assert len(own.server.asked("GET", "/Users/")) - before == duties.WITNESSES + 1


def test_a_list_that_is_too_long_is_not_read_and_that_is_said(own: DutiesWorld) -> None:
    account = own.person()
    own.report(account, fresh())
    own.give(account, "role", ["Buyer"])
    connector = own.connect()
    connector._duties = duties.DutyLists(connector._service, 2)
    assert [one.title for one in connector.duties(account)] == ["Buyer"]
    [words] = connector.unseen_duties(account)
    assert "more than 2 accounts" in words


def test_a_refused_list_is_an_error(own: DutiesWorld) -> None:
    account = own.person()
    own.server.manners.refuse = lambda call: 403 if call.path == "/Users" else 0
    with pytest.raises(Forbidden):
        own.connect().duties(account)


def test_an_application_that_removes_inactive_users_tells_nothing_after_the_lock() -> None:
    with Scim(people=PEOPLE[:4]) as server:
        server.manners.removes = True
        proxy = Proxy(server.port)
        world = DutiesWorld(server, proxy)
        DutiesSuite().test_after_the_lock_the_list_is_the_same_or_not_known(world)
        proxy.close()
