"""Bulk observation: few requests; hidden, unread and undelivered accounts are never absent."""

from typing import Any

import pytest

from connectors.contract import AccountId, Verdict
from connectors.errors import Unavailable
from connectors.scim.bulk_observation import CHUNK, cheapest
from tests.connectors.scim.conftest import Open
from tests.connectors.scim.proxy import Act, Fault
from tests.connectors.scim.world import ScimWorld
from tests.sandbox.company.scim import Call


def _crowd(world: ScimWorld, size: int, **attributes: Any) -> list[AccountId]:
    return [AccountId(world.server.add_user(f"crowd.{n:04}", **attributes)) for n in range(size)]


def _reads(world: ScimWorld) -> int:
    return len(world.server.asked("GET", "/Users"))


def test_the_cheapest_way_is_taken() -> None:
    assert cheapest(10, 100_000, 100, filters_work=True) == "filter"
    assert cheapest(10, 100_000, 100, filters_work=False) == "each"
    assert cheapest(CHUNK * 50, 4_000, 100, filters_work=True) == "list"
    assert cheapest(300, 250, 100, filters_work=False) == "list"
    assert cheapest(5, 0, 0, filters_work=False) == "list"


@pytest.mark.parametrize(
    ("features", "refuse", "most"),
    [
        ({}, lambda _: 0, 4),
        ({"filters": False}, lambda _: 0, 4),
        ({"filters": False, "cursor": True}, lambda _: 0, 4),
        ({}, lambda call: 400 * call.filter.startswith("id eq"), 6),
        ({"filters": False}, lambda call: 501 * (call.path == "/ServiceProviderConfig"), 4),
    ],
)
def test_hundreds_take_a_handful_of_requests(open_world: Open, features: Any, refuse: Any, most: int) -> None:
    world = open_world(**features)
    crowd = _crowd(world, 260)
    locked = {one for n, one in enumerate(crowd) if n % 3 == 0}
    for one in locked:
        world.server.change(one, active=False)
    world.server.manners.refuse = refuse
    seen = world.connect().observe(crowd)
    assert {one for one, said in seen.items() if said.verdict is Verdict.LOCKED} == locked
    assert {said.verdict for said in seen.values()} == {Verdict.LOCKED, Verdict.OPEN}
    assert _reads(world) <= most


def test_a_server_that_answers_filters_with_nothing_is_read_as_a_list(world: ScimWorld) -> None:
    crowd = _crowd(world, 130)
    nothing = {"totalResults": 0, "Resources": []}
    world.server.manners.rewrite = lambda call, body: nothing if call.filter else body
    assert {said.verdict for said in world.connect().observe(crowd).values()} == {Verdict.OPEN}
    assert _reads(world) <= 4


def test_a_few_of_very_many_take_few_requests(world: ScimWorld) -> None:
    crowd = _crowd(world, 150)[::3]
    connector = world.connect(page_size=3)
    assert {said.verdict for said in connector.observe(crowd).values()} == {Verdict.OPEN}
    assert _reads(world) < 25  # two filters, in pages of three


@pytest.mark.parametrize("ignores", [True, False])
def test_a_server_that_does_not_mind_filters_is_read_as_a_list(world: ScimWorld, ignores: bool) -> None:
    crowd = _crowd(world, 60)
    world.server.manners.ignores_filters = ignores
    world.server.change(crowd[-1], active=False)
    connector = world.connect()
    for _ in range(2):
        seen = connector.observe(crowd)
        assert [one for one, said in seen.items() if said.verdict is Verdict.LOCKED] == [crowd[-1]]
    assert sum("id eq" in call.filter for call in world.server.calls) == (1 if ignores else 4)


@pytest.mark.parametrize("filters", [True, False])
def test_who_is_hidden_in_lists_is_asked_for_before_being_absent(open_world: Open, filters: bool) -> None:
    world = open_world(filters=filters)
    crowd = _crowd(world, 60)
    for one in crowd[:5]:
        world.server.change(one, active=False)

    def hide_inactive(call: Call, body: Any) -> Any:
        if "Resources" in body and call.query["count"] != "1":
            shown = [record for record in body["Resources"] if record.get("active", True)]
            return body | {"Resources": shown, "totalResults": len(shown)}
        return body

    world.server.manners.rewrite = hide_inactive
    gone = world.nobody()
    seen = world.connect().observe([*crowd, gone])
    assert [one for one, said in seen.items() if said.verdict is Verdict.LOCKED] == crowd[:5]
    assert [one for one, said in seen.items() if said.verdict is Verdict.ABSENT] == [gone]


@pytest.mark.parametrize("wanted", [2, 60])
def test_no_such_object_for_everybody_is_trouble_and_not_absence(world: ScimWorld, wanted: int) -> None:
    crowd, connector = _crowd(world, wanted), world.connect()
    connector.check()
    everybody = Fault(Act.STATUS, path="/Users", answer="404 Not Found")
    with world.proxy.fault(everybody), pytest.raises(Unavailable):
        connector.observe(crowd)
    assert {said.verdict for said in connector.observe(crowd).values()} == {Verdict.OPEN}


@pytest.mark.parametrize("wanted", [2, 60])
def test_an_emptied_server_is_not_believed(world: ScimWorld, wanted: int) -> None:
    crowd, connector = _crowd(world, wanted), world.connect()
    for one in list(world.server.users()):
        world.server.delete(one)
    with pytest.raises(Unavailable, match="not believed"):
        connector.observe(crowd)


@pytest.mark.parametrize("act", [Act.HALF, Act.UNFRAMED, Act.RESET, Act.LOSE])
def test_a_page_that_did_not_come_makes_nobody_absent(open_world: Open, act: Act) -> None:
    world = open_world(filters=False)
    crowd, connector = _crowd(world, 30), world.connect(page_size=10)
    with world.proxy.fault(Fault(act, "GET", "startIndex=21")), pytest.raises(Unavailable):
        connector.observe(crowd)


def test_one_record_that_the_server_cannot_show_is_unknown_and_the_others_are_read(world: ScimWorld) -> None:
    crowd, connector = _crowd(world, 60), world.connect()
    world.server.manners.refuse = lambda call: 500 * call.path.endswith(crowd[7])
    world.server.manners.rewrite = lambda _, body: (
        body
        if "Resources" not in body
        else body | {"Resources": [record for record in body["Resources"] if record["id"] != crowd[7]]}
    )
    seen = connector.observe(crowd)
    assert [one for one, said in seen.items() if said.verdict is Verdict.UNKNOWN] == [crowd[7]]
    assert "500" in seen[crowd[7]].reason
    assert {said.verdict for one, said in seen.items() if one != crowd[7]} == {Verdict.OPEN}


@pytest.mark.parametrize("status", [400, 403])
def test_one_record_that_may_not_be_read_is_unknown_and_the_others_are_read(world: ScimWorld, status: int) -> None:
    crowd, connector = _crowd(world, 3), world.connect()
    world.server.manners.refuse = lambda call: status * call.path.endswith(crowd[1])
    assert [one.verdict for one in connector.observe(crowd).values()] == [Verdict.OPEN, Verdict.UNKNOWN, Verdict.OPEN]


@pytest.mark.parametrize("identifier", ["\ud800", "x" * 70_000])
def test_an_id_that_cannot_be_asked_for_is_unknown_and_the_others_are_read(world: ScimWorld, identifier: str) -> None:
    [account, odd] = [*_crowd(world, 1), AccountId(identifier)]
    seen = world.connect().observe([account, odd])
    assert (seen[account].verdict, seen[odd].verdict) == (Verdict.OPEN, Verdict.UNKNOWN)


def test_an_answer_about_somebody_else_is_unknown(world: ScimWorld) -> None:
    account, other = _crowd(world, 2)
    world.server.manners.rewrite = lambda call, body: body | {"id": other} if call.path.startswith("/Users/") else body
    assert world.connect().observe([account])[account].verdict is Verdict.UNKNOWN


def test_what_the_server_supports_is_asked_once(world: ScimWorld) -> None:
    crowd, connector = _crowd(world, 5), world.connect()
    for _ in range(3):
        connector.observe(crowd)
        connector.lock(connector.before(crowd[0]))
    assert len(world.server.asked("GET", "/ServiceProviderConfig")) == 1
