"""Duties given and stopped in a real SCIM server: managers, and roles that are only taken."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from connectors.conformance.duty_changes import DutyChangesSuite, Made, duty, fresh
from connectors.contract import AccountId, Change, DutyAct, DutyId, DutyImage
from connectors.errors import Conflict, Forbidden, Missing, OthersTouched
from connectors.scim.connector import Scim as Connector
from tests.connectors.scim.proxy import Act, Fault, Proxy
from tests.connectors.scim.test_duties import ENTERPRISE, DutiesWorld
from tests.sandbox.company.people import PEOPLE
from tests.sandbox.company.scim import Call, Json, Scim


class DutyChangesWorld(DutiesWorld):
    """Reads managers in the application's storage."""

    offered: Mapping[str, Collection[DutyAct]] = {"manager": tuple(DutyAct)}
    shared: Collection[str] = ()

    def reader(self) -> None:
        """Return nothing: no application tells what a token may write."""

    @contextmanager
    def lossy(self) -> Iterator[Connector]:
        made = self.connect()
        with self.proxy.fault(Fault(Act.LOSE, "P")):
            yield made

    def place(self, title: str) -> Json | None:
        return next((user for user in self.server.users().values() if user.get("displayName") == title), None)

    def hold(self, what: str, title: str, holders: Collection[AccountId]) -> None:
        [holder], found = holders, self.place(title)
        assert found
        self.server.change(found["id"], **{ENTERPRISE: {"manager": {"value": holder}}})

    def holders(self, what: str, title: str) -> Collection[AccountId]:
        found = self.place(title)
        value = ((found or {}).get(ENTERPRISE) or {}).get("manager") or {}
        return frozenset({AccountId(value["value"])} if value.get("value") else ())

    def rest(self, what: str, title: str) -> object:
        found = self.place(title)
        if found is None:
            return None
        kept = {name: one for name, one in (found.get(ENTERPRISE) or {}).items() if name != "manager" and one}
        return kept, {name: one for name, one in found.items() if name not in ("meta", "schemas", ENTERPRISE)}

    def delete(self, what: str, title: str) -> None:
        found = self.place(title)
        assert found
        self.server.delete(found["id"])


@contextmanager
def served(*, patch: bool = True) -> Iterator[DutyChangesWorld]:
    with Scim(people=PEOPLE[:4], patch=patch) as server:
        proxy = Proxy(server.port)
        yield DutyChangesWorld(server, proxy)
        proxy.close()


@pytest.fixture
def own() -> Iterator[DutyChangesWorld]:
    with served() as world:
        yield world


class TestDutyChanges(DutyChangesSuite):
    @pytest.fixture
    def world(self, own: DutyChangesWorld) -> DutyChangesWorld:
        return own


class TestWithoutPatch(DutyChangesSuite):
    @pytest.fixture
    def world(self) -> Iterator[DutyChangesWorld]:
        with served(patch=False) as world:
            yield world


def roles(own: DutyChangesWorld, account: AccountId, *held: Json) -> DutyImage:
    """Give the account these roles; return the image of the first."""
    own.server.change(account, roles=[*held])
    connector = own.connect()
    title = held[0].get("display") or held[0]["value"]
    return connector.duty_image(account, duty(connector, account, title).id)


BUYER: Json = {"value": "r-17", "display": "Buyer"}
ADMIN: Json = {"value": 'adm"in] or value pr', "primary": True}


def held(own: DutyChangesWorld, account: AccountId) -> list[Json]:
    found = own.server.users()[account].get("roles") or []
    return sorted(found, key=lambda one: str(one["value"]))


@pytest.mark.parametrize("patch", [True, False])
@pytest.mark.parametrize("order", [1, -1])
def test_a_role_is_taken_and_never_given(patch: bool, order: int) -> None:
    with served(patch=patch) as own:
        account, successor, connector = own.person(), own.person(), own.connect()
        both: list[Json] = [BUYER, ADMIN][::order]
        image = roles(own, account, *both)
        before = held(own, account)
        assert (image.acts, "this is a right" in image.why_not) == (frozenset({DutyAct.STOP}), True)
        with pytest.raises(Forbidden, match="this is a right"):
            connector.give(image, successor)
        assert connector.stop(image) is Change.MADE
        assert [one["value"] for one in held(own, account)] == [both[1]["value"]]
        assert connector.stop(image) is Change.ALREADY
        assert connector.put_back(image, None) is Change.MADE
        assert held(own, account) == before
        assert connector.put_back(image, None) is Change.ALREADY
        assert not held(own, successor)


def test_roles_that_changed_meanwhile_are_a_conflict(own: DutyChangesWorld) -> None:
    account, connector = own.person(), own.connect()
    image = roles(own, account, BUYER)
    roles(own, account, BUYER, ADMIN)
    with pytest.raises(Conflict):
        connector.stop(image)
    image = roles(own, account, BUYER)
    connector.stop(image)
    roles(own, account, ADMIN)
    with pytest.raises(Conflict):
        connector.put_back(image, None)
    assert [one["value"] for one in held(own, account)] == [ADMIN["value"]]


def test_a_report_does_not_become_their_own_manager(own: DutyChangesWorld) -> None:
    account, title, connector = own.person(), fresh(), own.connect()
    report = AccountId(own.report(account, title))
    image = connector.duty_image(account, duty(connector, account, title).id)
    with pytest.raises(Forbidden, match="nobody is their own manager"):
        connector.give(image, report)


def test_a_server_that_accepts_and_does_nothing_is_a_conflict(own: DutyChangesWorld) -> None:
    one = Made(own, "manager")
    own.server.manners.rewrite = lambda call, body: keeps_the_manager(one.account, call, body)
    with pytest.raises(Conflict, match="accepted the change"):
        one.write(DutyAct.GIVE)


def keeps_the_manager(account: AccountId, call: Call, body: Any) -> Any:
    if call.path.startswith("/Users/") and ENTERPRISE in body:
        body[ENTERPRISE]["manager"] = {"value": account}
    return body


def test_a_server_that_changes_more_is_said(own: DutyChangesWorld) -> None:
    one = Made(own, "manager")

    def rewrite(call: Call, body: Any) -> Any:
        if own.server.asked("PATCH") and call.path.startswith("/Users/") and body.get("displayName") == one.title:
            body[ENTERPRISE].pop("department", None)
            body.pop("userName")
        return body

    own.server.manners.rewrite = rewrite
    with pytest.raises(OthersTouched, match=r"username of .* changed as well"):
        one.write(DutyAct.GIVE)


def test_a_refused_change_is_forbidden(own: DutyChangesWorld) -> None:
    one = Made(own, "manager")
    own.server.manners.refuse = lambda call: 403 if call.method == "PATCH" else 0
    with pytest.raises(Forbidden):
        one.write(DutyAct.GIVE)
    assert one.holders == {one.account}


def test_a_form_that_is_refused_is_followed_by_the_next(own: DutyChangesWorld) -> None:
    one = Made(own, "manager")
    own.server.manners.refuse = lambda call: 400 if b'"op":"replace","path"' in call.body.replace(b" ", b"") else 0
    assert one.write(DutyAct.GIVE) is Change.MADE
    assert one.holders == {one.successor}


def test_the_rest_of_the_extension_stays(own: DutyChangesWorld) -> None:
    account, successor, title, connector = own.person(), own.person(), fresh(), own.connect()
    report = own.report(account, title)
    own.server.change(report, **{ENTERPRISE: {"manager": {"value": account}, "department": "R+D", "costCenter": "7"}})
    image = connector.duty_image(account, duty(connector, account, title).id)
    assert connector.give(image, successor) is Change.MADE
    assert connector.put_back(image, successor) is Change.MADE
    assert connector.stop(image) is Change.MADE
    kept = own.server.users()[report][ENTERPRISE]
    assert (kept["department"], kept["costCenter"], kept.get("manager")) == ("R+D", "7", None)


def test_a_licence_is_no_duty_and_its_loss_is_no_conflict(own: DutyChangesWorld) -> None:
    account, seat = own.person(), {"value": "seat"}
    own.server.change(account, entitlements=[seat, {"value": "beta"}])
    connector = own.connect(licence_entitlements=("seat",))
    assert [one.title for one in connector.duties(account)] == ["beta"]
    with pytest.raises(Missing):
        connector.duty_image(account, DutyId("entitlement:seat"))
    image = connector.duty_image(account, DutyId("entitlement:beta"))
    own.server.change(account, entitlements=[{"value": "beta"}])
    assert connector.stop(image) is Change.MADE
    own.server.change(account, entitlements=[seat])
    assert connector.put_back(image, None) is Change.MADE
    assert {one["value"] for one in own.server.users()[account]["entitlements"]} == {"seat", "beta"}
