"""Licences in a real SCIM server: entitlements and groups that the settings name as paid seats."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

import pytest

from connectors.conformance.accounts import newcomer
from connectors.conformance.licences import LicencesSuite, named, names
from connectors.contract import AccountId, Change, GroupId, LicenceId
from connectors.errors import Conflict, Forbidden, Missing, OutcomeUnknown, Unavailable
from connectors.scim.connector import Scim as Connector
from tests.connectors.scim.proxy import Act, Fault, Proxy
from tests.connectors.scim.world import ScimWorld
from tests.sandbox.company.people import PEOPLE
from tests.sandbox.company.scim import Call, Scim

SUITE = LicencesSuite()


class LicencesWorld(ScimWorld):
    """Gives entitlements and memberships as the application's owner does; each group has one more member."""

    names: Sequence[str] = ("M365 E3 (EU)", "Visio", "Power BI")
    held_as: Mapping[str, Mapping[str, Any]] = {
        "M365 E3 (EU)": {"value": 'sku "e3" #1', "display": "M365 E3 (EU)", "type": "licence", "primary": True},
        "Visio": {"value": "visio-2", "display": "Visio", "type": "licence"},
    }

    def __init__(self, server: Scim, proxy: Proxy) -> None:
        super().__init__(server, proxy)
        self.keeper = self.add(newcomer())
        self.made = [self.keeper]
        self.seat = self.add_group("Power BI", [self.keeper])
        self.give(self.keeper, "Visio")

    def connect(self, password: str = "good", **changes: Any) -> Connector:
        wanted = {"licence_entitlements": ("LICENCE",), "licence_groups": ("power bi",)}
        return super().connect(password, **wanted | changes)

    def refused(self) -> Connector | None:
        """Let the server show no entitlement of anybody, from now on."""
        self.server.manners.rewrite = without_entitlements
        return self.connect()

    def person(self) -> AccountId:
        self.made.append(self.add(newcomer()))
        return self.made[-1]

    def entitlements(self, account: AccountId) -> list[Any]:
        return self.server.users()[account].get("entitlements") or []

    def give(self, account: AccountId, name: str) -> None:
        if name == "Power BI":
            self._seat({*self.members(self.seat), account})
        else:
            self.server.change(account, entitlements=[*self.entitlements(account), self.held_as[name]])

    def take(self, account: AccountId, name: str) -> None:
        if name == "Power BI":
            self._seat(self.members(self.seat) - {account})
        else:
            kept = [one for one in self.entitlements(account) if one["display"] != name]
            self.server.change(account, entitlements=kept)

    def _seat(self, members: Any) -> None:
        kind = self.server._service.get_resource_type("Group")
        group = self.server.storage.get(kind, self.seat)
        values = group.model_dump() | {"members": [{"value": one} for one in sorted(members)]}
        self.server.storage.update(kind, type(group).model_validate(values))

    def held(self) -> Mapping[AccountId, frozenset[str]]:
        inside = self.members(self.seat)
        own = {one: {each["display"] for each in self.entitlements(one)} for one in self.made}
        return {one: frozenset(some | ({"Power BI"} if one in inside else set())) for one, some in own.items()}

    def state(self, account: AccountId) -> object:
        kept = {
            key: value for key, value in self.server.users()[account].items() if key not in ("meta", "entitlements")
        }
        return kept, self.entitlements(account), account in self.members(self.seat)

    def no_licence(self) -> LicenceId:
        return LicenceId(f"group:{uuid4().hex}")

    def sell_out(self, name: str) -> bool:
        """Let the server refuse to give anything more, as one without a free seat does."""
        self.server.manners.refuse = lambda call: 409 if call.method in ("PATCH", "PUT") else 0
        return True

    def lock(self, account: AccountId) -> None:
        connector = self.connect()
        connector.lock(connector.before(account))


def without_entitlements(call: Call, body: Any) -> Any:
    for row in body.get("Resources", ()) if call.path == "/Users" else (body,):
        row.pop("entitlements", None)
    return body


def _world(**features: Any) -> Iterator[LicencesWorld]:
    with Scim(people=PEOPLE[:4], **features) as server:
        proxy = Proxy(server.port)
        yield LicencesWorld(server, proxy)
        proxy.close()


@pytest.fixture
def own() -> Iterator[LicencesWorld]:
    yield from _world()


@pytest.fixture
def poor() -> Iterator[LicencesWorld]:
    yield from _world(patch=False, filters=False, etag=False)


class TestLicences(LicencesSuite):
    @pytest.fixture
    def world(self, own: LicencesWorld) -> LicencesWorld:
        return own


class TestWithoutPatchFiltersAndEtags(LicencesSuite):
    @pytest.fixture
    def world(self, poor: LicencesWorld) -> LicencesWorld:
        return poor


def test_an_application_that_removes_inactive_users_tells_nothing_after_the_lock(own: LicencesWorld) -> None:
    own.server.manners.removes = True
    SUITE.test_after_the_lock_the_list_is_the_same_or_not_known(own)


def test_without_the_settings_there_are_none_and_duties_have_them(own: LicencesWorld) -> None:
    account = own.person()
    own.give(account, "Visio")
    plain = own.connect(licence_entitlements=(), licence_groups=())
    assert list(plain.licences(account)) == []
    assert [one.title for one in plain.duties(account)] == ["Visio"]
    assert list(own.connect().duties(account)) == [], "a licence is no duty"


@pytest.mark.parametrize("setting", ["visio-2", "Visio", "licence"])
def test_a_value_a_name_or_a_type_tells_a_licence(own: LicencesWorld, setting: str) -> None:
    account = own.person()
    own.give(account, "Visio")
    own.server.change(account, entitlements=[*own.entitlements(account), {"value": "badge", "type": "door"}])
    connector = own.connect(licence_entitlements=(setting,), licence_groups=())
    [found] = connector.licences(account)
    assert (found.name, found.through) == ("Visio", "")
    assert connector.reclaim(account, found.id) is Change.MADE
    assert [one["value"] for one in own.entitlements(account)] == ["badge"]
    with pytest.raises(Missing, match="names no licence"):
        connector.reclaim(account, LicenceId('entitlement:{"type":"door","value":"badge"}'))


def test_entitlements_that_nobody_shows_are_not_none(own: LicencesWorld) -> None:
    account = own.person()
    own.give(account, "Visio")
    connector = own.refused()
    assert connector
    with pytest.raises(Forbidden, match="shows no entitlement of anybody"):
        connector.licences(account)


def test_a_list_that_leaves_them_out_is_no_proof_against_single_users(own: LicencesWorld) -> None:
    own.server.manners.rewrite = lambda call, body: without_entitlements(call, body) if call.path == "/Users" else body
    who, account = own.server.user_id(PEOPLE[0].uid), own.person()
    own.give(AccountId(who), "Visio")
    assert list(own.connect().licences(account)) == []


def test_a_group_that_is_not_there_is_said_and_is_not_none(own: LicencesWorld) -> None:
    account = own.person()
    own.give(account, "Power BI")
    connector = own.connect(licence_groups=("Power BI", "Pwoer BI"))
    with pytest.raises(Conflict, match="no groups are named Pwoer BI"):
        connector.licences(account)
    own.add_group("power bi", [])
    with pytest.raises(Conflict, match="2 groups are named"):
        own.connect().licences(account)
    by_id = own.connect(licence_groups=(str(own.seat),))
    assert names(by_id.licences(account)) == ["Power BI"]
    assert {GroupId(group.id): group.licence for group in by_id.groups(account)} == {own.seat: True}


def test_groups_that_are_not_read_give_no_licences(own: LicencesWorld) -> None:
    with pytest.raises(ValueError, match="needs read_groups"):
        own.settings(licence_groups=("E3",), read_groups=False)


def test_what_changed_meanwhile_is_a_conflict_and_nothing_is_lost() -> None:
    """A server without PATCH gets the whole user, against the version that was read."""
    for own in _world(patch=False):
        account = own.person()
        own.give(account, "Visio")
        connector = own.connect()
        licence = named(connector.licences(account), "Visio")
        write = connector._service.write

        def late(*request: Any, own: LicencesWorld = own, account: AccountId = account, write: Any = write) -> None:
            own.server.change(account, entitlements=[*own.entitlements(account), {"value": "new", "display": "New"}])
            write(*request)

        connector._service.write = late  # type: ignore[assignment,method-assign]
        with pytest.raises(Conflict):
            connector.reclaim(account, licence)
        assert [one["value"] for one in own.entitlements(account)] == ["visio-2", "new"]


def test_other_entitlements_that_the_server_drops_are_reported(own: LicencesWorld) -> None:
    account = own.person()
    own.give(account, "Visio")
    own.server.change(account, entitlements=[*own.entitlements(account), {"value": "badge", "display": "Door"}])
    connector = own.connect()
    licence = named(connector.licences(account), "Visio")

    def drops(call: Call, body: Any) -> Any:
        if own.server.asked("PATCH") and call.method == "GET" and call.path.startswith("/Users/"):
            body.pop("entitlements", None)
        return body

    own.server.manners.rewrite = drops
    with pytest.raises(Conflict, match="other entitlements are gone: Door"):
        connector.reclaim(account, licence)


def test_a_server_that_accepts_and_does_nothing_is_a_conflict(own: LicencesWorld) -> None:
    account = own.person()
    own.give(account, "Visio")
    connector = own.connect()
    licence = named(connector.licences(account), "Visio")
    entry = own.entitlements(account)

    def keeps(call: Call, body: Any) -> Any:
        if call.method == "GET" and call.path.startswith("/Users/"):
            body["entitlements"] = entry
        return body

    own.server.manners.rewrite = keeps
    with pytest.raises(Conflict, match="a read shows none"):
        connector.reclaim(account, licence)


def test_a_lost_answer_is_read_back_before_anything_else(own: LicencesWorld) -> None:
    account = own.person()
    own.give(account, "Visio")
    connector = own.connect()
    licence = named(connector.licences(account), "Visio")
    own.server.manners.refuse = lambda call: 503 if call.method == "GET" and own.server.asked("PATCH") else 0
    with pytest.raises(OutcomeUnknown):
        connector.reclaim(account, licence)
    own.server.manners.refuse = lambda _call: 0
    assert connector.reclaim(account, licence) is Change.ALREADY


def test_a_dead_line_while_writing_takes_nothing_twice(own: LicencesWorld) -> None:
    account = own.person()
    own.give(account, "Visio")
    own.give(account, "Power BI")
    connector = own.connect()
    licence = named(connector.licences(account), "Visio")
    with own.proxy.fault(Fault(Act.HANG)), pytest.raises((Unavailable, OutcomeUnknown)):
        connector.reclaim(account, licence)
    assert connector.reclaim(account, licence) in (Change.MADE, Change.ALREADY)
    assert own.held()[account] == {"Power BI"}
    assert own.held()[own.keeper] == {"Power BI", "Visio"}
