"""Groups on servers that filter by member, that do not, and that take no PATCH."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from connectors.conformance.accounts import newcomer
from connectors.contract import AccountId, Change, Group, GroupId
from connectors.errors import Conflict, Forbidden, OthersTouched, OutcomeUnknown
from connectors.scim.connector import UNREAD
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


# -- the other members


def _set_members(world: ScimWorld, group: str, members: list[str]) -> None:
    with world.server.storage.lock:
        kind = world.server._service.get_resource_type("Group")
        stored: Any = world.server.storage.get(kind, group)
        world.server.storage.update(
            kind, type(stored).model_validate(stored.model_dump() | {"members": [{"value": one} for one in members]})
        )


def _disturb(world: ScimWorld, change: Callable[[str, list[str]], list[str]]) -> None:
    """Let the server do something else to a group whenever it is asked to change it."""

    def meanwhile(call: Call) -> int:
        if call.method in {"PATCH", "PUT"} and call.path.startswith("/Groups/"):
            group = call.path.rpartition("/")[2]
            _set_members(world, group, change(group, sorted(world.members(GroupId(group)))))
            return 204
        return 0

    world.server.manners.refuse = meanwhile


def _crew(world: ScimWorld, size: int) -> list[AccountId]:
    return [AccountId(world.server.add_user(f"crew.{n}", displayName=f"Crew {n}")) for n in range(size)]


def test_a_server_that_clears_the_group_is_stopped_and_everybody_is_named(world: ScimWorld) -> None:
    """The finding stops the next group: tests/workflows/access/test_lost_members.py."""
    account, *others = _crew(world, 6)
    first = world.add_group("team", [account, *others])
    _disturb(world, lambda *_: [])
    connector = world.connect()
    with pytest.raises(OthersTouched) as caught:
        connector.remove(account, first)
    assert (caught.value.stop, caught.value.count) == (True, 5)
    assert all(one in str(caught.value) for one in others)


def test_a_server_that_removes_the_whole_group_is_stopped(world: ScimWorld) -> None:
    account, *others = _crew(world, 3)
    group, alone = world.add_group("team", [account, *others]), world.add_group("alone", [account])

    def remove(call: Call) -> int:
        if call.method != "PATCH":
            return 0
        world.server.storage.delete(world.server._service.get_resource_type("Group"), call.path.rpartition("/")[2])
        return 204

    world.server.manners.refuse = remove
    connector = world.connect()
    assert connector.remove(account, alone) is Change.MADE
    with pytest.raises(OthersTouched) as caught:
        connector.remove(account, group)
    assert (caught.value.stop, caught.value.count) == (True, 2)


def test_a_server_that_adds_by_replacing_is_stopped(world: ScimWorld) -> None:
    account, *others = _crew(world, 4)
    group = world.add_group("team", others)
    _disturb(world, lambda *_: [account])
    with pytest.raises(OthersTouched, match="team") as caught:
        world.connect().restore(account, group)
    assert (caught.value.stop, caught.value.count) == (True, 3)


def test_a_server_that_takes_out_somebody_else_is_stopped(world: ScimWorld) -> None:
    account, *others = _crew(world, 9)
    group = world.add_group("team", [account, *others])
    _disturb(world, lambda _, members: [one for one in members if one != others[3]])
    with pytest.raises(OthersTouched, match=others[3]) as caught:
        world.connect().remove(account, group)
    assert caught.value.stop


def test_a_change_by_another_hand_is_told_and_stops_nothing(world: ScimWorld) -> None:
    account, *others = _crew(world, 9)
    first, second = (world.add_group(f"team {n}", [account, *others]) for n in range(2))
    gone = {account, others[3]}
    _disturb(
        world, lambda group, members: [one for one in members if one not in (gone if group == first else {account})]
    )
    connector = world.connect()
    with pytest.raises(OthersTouched, match="changed meanwhile") as caught:
        connector.remove(account, first)
    assert (caught.value.stop, caught.value.count) == (False, 1)
    assert connector.remove(account, second) is Change.MADE


def test_two_leavers_of_one_group_are_not_each_others_loss(world: ScimWorld) -> None:
    first, second = _crew(world, 2)
    group = world.add_group("team", [first, second])
    connector = world.connect()
    _disturb(world, lambda *_: [])
    connector._changes._removed.add((group, second))  # by another thread, at this moment
    assert connector.remove(first, group) is Change.MADE


def test_a_member_who_is_missing_in_one_read_alone_is_not_lost(world: ScimWorld) -> None:
    account, *others = _crew(world, 4)
    group = world.add_group("team", [account, *others])
    reads: list[int] = []

    def flicker(call: Call, body: Any) -> Any:
        if call.method == "GET" and call.path == f"/Groups/{group}":
            reads.append(1)
            if len(reads) == 2:
                return body | {"members": body["members"][:1]}
        return body

    world.server.manners.rewrite = flicker
    assert world.connect().remove(account, group) is Change.MADE


@pytest.mark.parametrize("refused", [400, 501, 204])
def test_the_form_of_entra_is_tried_where_the_standards_is_refused_or_ignored(world: ScimWorld, refused: int) -> None:
    account, other, group = _group(world)
    forms: list[Any] = []

    def only_lists(call: Call) -> int:
        if call.method != "PATCH":
            return 0
        [operation] = json.loads(call.body)["Operations"]
        forms.append(operation)
        if "[" in operation["path"]:
            return refused
        _set_members(world, group, [one for one in world.members(group) if one != operation["value"][0]["value"]])
        return 204

    world.server.manners.refuse = only_lists
    assert world.connect().remove(account, group) is Change.MADE
    assert world.members(group) == {other}
    assert forms[-1] == {"op": "remove", "path": "members", "value": [{"value": account}]}
    assert world.server.asked("PUT") == []


def test_a_put_that_is_ignored_is_followed_by_a_patch_and_read(open_world: Open) -> None:
    world = open_world()
    account, other, group = _group(world)
    none = {"patch": {"supported": False}}
    world.server.manners.rewrite = lambda call, body: body | none if call.path == "/ServiceProviderConfig" else body
    world.server.manners.refuse = lambda call: 200 * (call.method == "PUT")
    assert world.connect().remove(account, group) is Change.MADE
    assert world.members(group) == {other}


def test_a_group_whose_members_are_hidden_is_never_put(world: ScimWorld) -> None:
    account, other, group = _group(world)

    def hide(call: Call, body: Any) -> Any:
        if call.path == f"/Users/{account}":
            return body | {"groups": [{"value": group}]}
        return {name: one for name, one in body.items() if name != "members"} if "/Groups/" in call.path else body

    world.server.manners.rewrite = hide
    world.server.manners.refuse = lambda call: 501 * (call.method == "PATCH")
    with pytest.raises(Conflict, match="hides the members"):
        world.connect().remove(account, group)
    assert world.server.asked("PUT") == []
    assert world.members(group) == {account, other}


def test_among_thousands_of_members_each_is_compared(world: ScimWorld) -> None:
    account = world.add(newcomer())
    group = world.add_group("everybody", [account, *(AccountId(f"member.{n}") for n in range(6_000))])
    _disturb(world, lambda _, members: [one for one in members if one not in (account, "member.4711")])
    with pytest.raises(OthersTouched, match=r"member\.4711"):
        world.connect().remove(account, group)


@pytest.mark.parametrize("filters", [True, False])
def test_a_member_whom_a_cut_list_of_members_leaves_out_is_taken_out(open_world: Open, filters: bool) -> None:
    world = open_world(filters=filters)
    account, *others = _crew(world, 4)
    group = world.add_group("team", [account, *others])

    def cut(call: Call, body: Any) -> Any:
        if call.path == f"/Users/{account}":
            return body | {"groups": [{"value": group, "display": "team"}] if account in world.members(group) else []}
        for record in (body, *body.get("Resources", [])) if call.path.startswith("/Groups") else ():
            record["members"] = [one for one in record.get("members", []) if one["value"] != account]
        return body

    world.server.manners.rewrite = cut
    connector = world.connect()
    assert [one.id for one in connector.groups(account)] == [group]
    assert connector.remove(account, group) is Change.MADE
    assert world.members(group) == {*others}
    assert connector.groups(account) == []
