"""Accounts and groups that a token or the settings hide: said by doctor and plan, one by one."""

from typing import Any

import pytest

from tests.connectors.scim.conftest import Open
from tests.connectors.scim.test_absence import _in_users, _users, _without
from tests.connectors.scim.test_sweep import _crowd
from tests.connectors.scim.world import ScimWorld


def test_a_token_that_sees_everything_has_no_blind_spots(world: ScimWorld) -> None:
    assert world.connect(accounts_at_least=4).blind_spots() == ()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"user_filter": 'userType eq "Employee"'}, "outside userType"),
        ({"read_groups": False}, "who is in which group"),
        ({"accounts_at_least": 5}, "sees 4 accounts"),
    ],
)
def test_what_the_settings_leave_out_is_said(world: ScimWorld, settings: dict[str, Any], said: str) -> None:
    [one] = world.connect(**settings).blind_spots()
    assert said in one


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
