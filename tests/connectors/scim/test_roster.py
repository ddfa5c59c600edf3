"""All users of a SCIM server: all pages, records without an id, and a list that breaks off."""

import pytest

from connectors.contract import Verdict
from connectors.errors import Unavailable
from tests.connectors.scim.test_sweep import _crowd
from tests.connectors.scim.world import ScimWorld


def test_everybody_is_listed_page_after_page_and_the_inactive_are_locked(world: ScimWorld) -> None:
    crowd = _crowd(world, 30)
    for one in crowd[::3]:
        world.server.change(one, active=False)
    connector = world.connect(page_size=7)
    found = {one.id: one for one in connector.everyone()}
    assert set(crowd) <= set(found)
    assert {one for one in crowd if found[one].verdict is Verdict.LOCKED} == set(crowd[::3])
    assert set(crowd) & connector.locked() == set(crowd[::3])


def test_a_list_that_breaks_off_is_an_error_and_a_record_without_an_id_is_none(world: ScimWorld) -> None:
    crowd = _crowd(world, 12)
    world.server.manners.rewrite = lambda call, body: (
        {**body, "Resources": [{"userName": "x", "active": True}, *body["Resources"]]} if "Resources" in body else body
    )
    assert set(crowd) <= {one.id for one in world.connect().everyone()}
    world.server.manners.rewrite = lambda call, body: {"totalResults": 40, "Resources": []}
    with pytest.raises(Unavailable):
        list(world.connect().everyone())
