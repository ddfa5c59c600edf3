"""Groups on servers that filter by member, that do not, and that take no PATCH."""

from typing import Any

import pytest

from connectors.contract import AccountId, Change, Group, GroupId
from connectors.errors import Conflict, Forbidden, OutcomeUnknown
from connectors.scim.connector import UNREAD
from tests.conformance.accounts import newcomer
from tests.connectors.scim.conftest import Open
from tests.connectors.scim.proxy import Act, Fault
from tests.connectors.scim.world import ScimWorld
from tests.sandbox.company.scim import Call


def _group(world: ScimWorld) -> tuple[AccountId, AccountId, GroupId]:
    account, other = world.add(newcomer()), world.add(newcomer())
    return account, other, world.add_group("team", [account, other])


@pytest.mark.parametrize("refused", ["members.value eq", "members"])
@pytest.mark.parametrize("silently", [False, True])
def test_groups_are_found_where_filters_by_member_are_refused(world: ScimWorld, refused: str, silently: bool) -> None:
    account, _, group = _group(world)
    nothing = {"totalResults": 0, "Resources": []}
    if silently:
        world.server.manners.rewrite = lambda call, body: nothing if call.filter.startswith(refused) else body
    else:
        world.server.manners.refuse = lambda call: 400 * call.filter.startswith(refused)
    assert world.connect().groups(account) == [Group(group, "team")]


def test_groups_named_by_the_user_are_taken_where_nothing_can_be_filtered(open_world: Open) -> None:
    world = open_world(filters=False)
    account, *_ = _group(world)
    named = [{"value": "g1", "display": "Team One"}, {"value": "g2", "display": "All", "type": "indirect"}, None, 3]
    world.server.manners.rewrite = lambda call, body: body | {"groups": named} if "/Users/" in call.path else body
    assert world.connect().groups(account) == [Group(GroupId("g1"), "Team One"), Group(GroupId("3"), "3")][:1]


def test_groups_without_members_in_the_list_are_read_themselves(world: ScimWorld) -> None:
    account, _, group = _group(world)
    world.server.manners.ignores_filters = True

    def bare(_: Any, body: Any) -> Any:
        for record in body.get("Resources", []):
            record.pop("members", None)
        return body

    world.server.manners.rewrite = bare
    assert world.connect().groups(account) == [Group(group, "team")]


def test_groups_on_every_page_are_seen(open_world: Open) -> None:
    world = open_world(filters=False)
    account = world.add(newcomer())
    mine = {world.add_group(f"team {n}", [account]) for n in range(30)}
    for n in range(30):
        world.add_group(f"others {n}", [])
    assert {group.id for group in world.connect(page_size=9).groups(account)} == mine


@pytest.mark.parametrize("bare", [None, []])
@pytest.mark.parametrize("filters", [True, False])
def test_members_that_lists_hide_are_read_by_id(open_world: Open, filters: bool, bare: Any) -> None:
    world = open_world(filters=filters)
    account, _, group = _group(world)

    def hide(_: Call, body: Any) -> Any:
        for record in body.get("Resources", []):
            if "displayName" in record and "userName" not in record:
                record["members"] = bare
        return body

    world.server.manners.rewrite = hide
    assert world.connect().groups(account) == [Group(group, "team")]


def test_members_that_are_shown_nowhere_are_not_nobody(world: ScimWorld) -> None:
    """AWS IAM Identity Center: GetGroup and ListGroups return an empty member list."""
    account, other, group = _group(world)

    def hide(call: Call, body: Any) -> Any:
        for record in (body, *body.get("Resources", [])) if call.path.startswith("/Groups") else ():
            if "displayName" in record:
                record["members"] = []
        return body

    world.server.manners.rewrite = hide
    with pytest.raises(Forbidden, match="without any members"):
        world.connect().groups(account)
    with pytest.raises(Forbidden, match="shows no member"):
        world.connect().administrators("team")
    unread = world.connect(read_groups=False)
    assert (unread.groups(account), unread.has_limitation(UNREAD), world.connect().has_limitation(UNREAD)) == (
        [],
        True,
        False,
    )
    assert world.members(group) == {account, other}


def test_a_group_that_hides_its_members_and_is_named_by_the_user_is_left(world: ScimWorld) -> None:
    account, other, group = _group(world)

    def hide(call: Call, body: Any) -> Any:
        if call.path == f"/Users/{account}":
            return body | {"groups": [{"value": group}] if account in world.members(group) else []}
        for record in (body, *body.get("Resources", [])) if call.path.startswith("/Groups") else ():
            record.pop("members", None)
        return body

    world.server.manners.rewrite = hide
    connector = world.connect()
    assert [one.id for one in connector.groups(account)] == [group]
    assert connector.remove(account, group) is Change.MADE
    assert world.members(group) == {other}
    assert connector.groups(account) == []
    assert connector.remove(account, group) is Change.ALREADY


@pytest.mark.parametrize("status", [404, 501])
def test_an_application_without_groups_has_none_and_one_that_may_not_show_them_is_no_such(
    world: ScimWorld, status: int
) -> None:
    account, *_ = _group(world)
    world.server.manners.refuse = lambda call: status * call.path.startswith("/Groups")
    assert world.connect().groups(account) == []
    world.server.manners.refuse = lambda call: 403 * call.path.startswith("/Groups")
    with pytest.raises(Forbidden):
        world.connect().groups(account)


def test_a_group_is_not_put_where_a_patch_is_disliked(world: ScimWorld) -> None:
    """Of a large group a server may show the first members only: a PUT of those would throw out the others."""
    account, other, group = _group(world)
    world.server.manners.refuse = lambda call: 400 * (call.method == "PATCH")
    with pytest.raises(Conflict):
        world.connect().remove(account, group)
    assert world.server.asked("PUT") == []
    assert world.members(group) == {account, other}


@pytest.mark.parametrize("status", [405, 501])
def test_the_whole_group_is_put_where_there_is_no_patch(world: ScimWorld, status: int) -> None:
    account, other, group = _group(world)
    world.server.manners.refuse = lambda call: status * (call.method == "PATCH")
    connector = world.connect()
    assert connector.remove(account, group) is Change.MADE
    assert world.members(group) == {other}
    assert connector.restore(account, group) is Change.MADE
    assert world.members(group) == {account, other}
    assert all(call.headers["if-match"] for call in world.server.asked("PUT"))


def test_who_joins_while_the_whole_group_is_put_is_not_thrown_out(world: ScimWorld) -> None:
    account, other, group = _group(world)
    third = world.add(newcomer())

    def meanwhile(call: Call) -> int:
        if call.method == "PUT":
            with world.server.storage.lock:
                kind = world.server._service.get_resource_type("Group")
                stored: Any = world.server.storage.get(kind, group)
                stored.members.append(type(stored.members[0])(value=third))
                world.server.storage.update(kind, stored)
        return 501 * (call.method == "PATCH")

    world.server.manners.refuse = meanwhile
    with pytest.raises(Conflict):
        world.connect().remove(account, group)
    assert world.members(group) == {account, other, third}


def test_a_server_that_says_yes_and_does_nothing_is_found_out(world: ScimWorld) -> None:
    account, _, group = _group(world)
    world.server.manners.refuse = lambda call: 204 * (call.method == "PATCH")
    with pytest.raises(Conflict, match="as before"):
        world.connect().remove(account, group)


@pytest.mark.parametrize("method", ["PATCH", "GET"])
def test_a_lost_answer_is_unknown_and_the_next_try_sees_what_happened(world: ScimWorld, method: str) -> None:
    account, other, group = _group(world)
    connector = world.connect()
    connector.groups(account)
    if method == "GET":  # the read back
        world.server.manners.refuse = lambda call: 500 * (call.method == "GET" and world.members(group) == {other})
    lost = Fault(Act.LOSE, "PATCH", times=int(method == "PATCH"))
    with world.proxy.fault(lost), pytest.raises(OutcomeUnknown):
        connector.remove(account, group)
    world.server.manners.refuse = lambda _: 0
    assert connector.remove(account, group) is Change.ALREADY
    assert world.writes() == 1
