"""Accounts and groups that a token or the settings hide: said by doctor and plan, one by one."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.conformance.accounts import newcomer, person
from connectors.contract import Verdict
from tests.connectors.scim.conftest import Open
from tests.connectors.scim.test_absence import _in_users, _users, _without
from tests.connectors.scim.test_sweep import _crowd
from tests.connectors.scim.world import ScimWorld
from tests.sandbox.company.scim import Call


def test_a_token_that_sees_everything_has_no_blind_spots(world: ScimWorld) -> None:
    assert world.connect(accounts_at_least=4).blind_spots() == ()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"user_filter": 'userType eq "Employee"'}, "outside userType"),
        ({"read_groups": False}, "who is in which group"),
    ],
)
def test_what_the_settings_leave_out_is_said(world: ScimWorld, settings: dict[str, Any], said: str) -> None:
    one, untold = world.connect(**settings).blind_spots()
    assert said in one
    assert "cannot tell which accounts" in untold


@pytest.mark.parametrize(
    ("hidden", "said"), [("active", "who is active"), ("id", "without an id"), ("userName", "without an id")]
)
def test_what_the_list_leaves_out_is_said(world: ScimWorld, hidden: str, said: str) -> None:
    world.server.manners.rewrite = _in_users(_without(hidden))
    assert any(said in one for one in world.connect().blind_spots())


def test_a_list_without_a_second_page_is_said(open_world: Open) -> None:
    world = open_world(filters=False)
    _crowd(world, 35)
    first: dict[str, Any] = {}

    def same(call: Any, body: Any) -> Any:
        if not _users(call) or call.query["count"] == "1":
            return body
        first.update(first or body)
        return first | {"totalResults": len(first["Resources"])}

    world.server.manners.rewrite = same
    assert any("may be incomplete" in one for one in world.connect(page_size=10).blind_spots())


def test_one_account_alone_is_said(open_world: Open) -> None:
    world = open_world(people=[])
    world.server.add_user("only")
    assert any("beside one" in one for one in world.connect().blind_spots())


def test_fewer_accounts_than_expected_are_a_fault_and_make_nobody_absent(world: ScimWorld) -> None:
    few, enough, gone = world.connect(accounts_at_least=5), world.connect(accounts_at_least=4), world.nobody()
    [fault] = few.shortfalls()
    assert "sees 4 accounts, and accounts_at_least says 5" in fault
    assert few.observe([gone])[gone] == replace(enough.observe([gone])[gone], verdict=Verdict.UNKNOWN, reason=fault)
    assert (few.find(person(newcomer())).doubts, enough.find(person(newcomer())).doubts) == ((fault,), ())
    assert enough.observe([gone])[gone].verdict is Verdict.ABSENT
    assert enough.shortfalls() == ()


def test_an_account_that_only_a_second_token_sees_is_never_absent(world: ScimWorld) -> None:
    who = newcomer()
    account, manners, ours = world.add(who), world.server.manners, f"Bearer {world.server.token}"

    def rewrite(call: Call, body: Any) -> Any:
        if not _users(call) or call.headers["authorization"] != ours:
            return body
        left = [one for one in body["Resources"] if one["id"] != account]
        if call.query["count"] == "1":
            left = left or [next(one for number, one in world.server.users().items() if number != account)]
            return body | {"Resources": left, "totalResults": body["totalResults"] - 1}
        return body | {"Resources": left, "totalResults": body["totalResults"] - len(body["Resources"]) + len(left)}

    def refuse(call: Call) -> int:
        return 404 if call.path == f"/Users/{account}" and call.headers["authorization"] == ours else 0

    manners.rewrite, manners.refuse = rewrite, refuse
    assert world.connect().observe([account])[account].verdict is Verdict.ABSENT, "nothing tells it"
    connector = world.connect(compare_token=SecretStr(world.server.second_token))
    [fault] = connector.shortfalls()
    assert "the second token sees 1 account that the token does not see" in fault
    assert any(f"sees the account {who.login}" in one for one in connector.find(person(who)).doubts)
    assert connector.observe([account])[account].verdict is Verdict.UNKNOWN
