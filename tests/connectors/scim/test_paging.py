"""Lists on servers that count wrongly, repeat records, or have no second page: a missing account raises an error."""

from typing import Any

import pytest

from connectors.contract import Person
from connectors.errors import ConnectorError, Unavailable
from tests.connectors.scim.conftest import Open
from tests.connectors.scim.test_sweep import _crowd
from tests.connectors.scim.world import ScimWorld
from tests.sandbox.company.scim import Call, Rewrite


def _whole(world: ScimWorld, **settings: Any) -> set[str] | str:
    """Return the ids that the connector lists, or the error's text if it cannot list all."""
    try:
        return {str(one.id) for one in world.connect(page_size=10, **settings).everyone()}
    except ConnectorError as error:
        return str(error)


def _counts_what_it_shows(_: Call, body: Any) -> Any:
    return body | {"totalResults": len(body["Resources"])} if "Resources" in body else body


def _first_page_only() -> Rewrite:
    """Show the first page for every request, as AWS does: it reads `count` and no index."""
    first: dict[str, Any] = {}

    def rewrite(call: Call, body: Any) -> Any:
        if call.path != "/Users" or call.query["count"] == "1":
            return _counts_what_it_shows(call, body)
        if call.query["startIndex"] == "1":
            first.update(body)
        return _counts_what_it_shows(call, first)

    return rewrite


def test_a_total_that_counts_the_page_alone_ends_no_list(open_world: Open) -> None:
    world = open_world(filters=False)
    _crowd(world, 35)
    world.server.manners.rewrite = _counts_what_it_shows
    assert _whole(world) == set(world.server.users())
    last = max(world.server.users())
    login = str(world.server.users()[last]["userName"])
    assert [one.id for one in world.connect(page_size=10).find(Person("", (), (login,))).accounts] == [last]


def test_a_server_without_a_second_page_is_not_taken_at_its_word(open_world: Open) -> None:
    world = open_world(filters=False)
    _crowd(world, 35)
    world.server.manners.rewrite = _first_page_only()
    assert "The list may be incomplete" in _whole(world)
    with pytest.raises(Unavailable, match="may be incomplete"):
        world.connect(page_size=10).find(Person("", (), ("nobody",)))


@pytest.mark.parametrize("status", [400, 404])
def test_a_small_company_is_whole_where_nothing_is_beyond_the_end(open_world: Open, status: int) -> None:
    world = open_world(filters=False)
    world.server.manners.refuse = lambda call: status * (call.query.get("startIndex", "1") != "1")
    assert _whole(world) == set(world.server.users())


def test_a_server_that_knows_no_pages_gives_everybody_at_once(open_world: Open) -> None:
    world = open_world(filters=False)
    _crowd(world, 21)
    everybody = [{"id": key, "active": True} for key in world.server.users()]
    world.server.manners.rewrite = lambda call, body: (
        {"totalResults": 25, "Resources": everybody} if call.path == "/Users" else body
    )
    assert _whole(world) == set(world.server.users())


def test_pages_that_overlap_are_no_whole_list(open_world: Open) -> None:
    world = open_world(filters=False)
    _crowd(world, 26)
    shown: list[Any] = []

    def overlap(call: Call, body: Any) -> Any:
        if call.path != "/Users" or call.query.get("count") == "1":
            return body
        shown.append(body["Resources"])
        return body | {"Resources": shown[-2][5:] + body["Resources"][:5]} if len(shown) > 1 else body

    world.server.manners.rewrite = overlap
    assert "repeats itself" in _whole(world)


def test_cursors_can_be_asked_for_where_they_are_not_announced(open_world: Open) -> None:
    world = open_world(filters=False, cursor=True)
    _crowd(world, 35)
    world.server.manners.rewrite = lambda call, body: {} if call.path == "/ServiceProviderConfig" else body
    assert _whole(world, paging="cursor") == set(world.server.users())


@pytest.mark.parametrize("total", [5_000, 0])
def test_a_total_without_anybody_in_it_is_nobody_seen(world: ScimWorld, total: int) -> None:
    crowd = _crowd(world, 3)

    def hide(call: Call, body: Any) -> Any:
        return body | {"Resources": [], "totalResults": 0 if call.filter else total} if "Resources" in body else body

    world.server.manners.rewrite = hide
    with pytest.raises(Unavailable, match="not believed"):
        world.connect().find(Person("", (), ("crowd.0000",)))
    world.server.delete(crowd[0])
    with pytest.raises(Unavailable, match="not believed"):
        world.connect().observe(crowd[:1])
