"""Lookups on servers with all filters, some, or none, and with malformed records."""

import json
from typing import Any

import pytest

from connectors.conformance.accounts import newcomer, person
from connectors.contract import AccountId, Person, Verdict
from connectors.errors import Conflict, Unavailable
from tests.connectors.scim.conftest import Open
from tests.connectors.scim.proxy import Act, Fault
from tests.connectors.scim.world import ScimWorld
from tests.sandbox.company.scim import Call


def _crowd(world: ScimWorld, size: int) -> list[str]:
    return [
        world.server.add_user(f"crowd.{n:04}", emails=[{"value": f"crowd.{n:04}@northwind.example"}])
        for n in range(size)
    ]


def _without_or(call: Call) -> int:
    return 400 if " or " in call.filter else 0


def _names_only(call: Call) -> int:
    """Refuse all filters except userName and externalId, one at a time, as some servers do."""
    return 400 if " or " in call.filter or call.filter.startswith("emails") else 0


def test_one_request_finds_by_all_attributes_whatever_their_case(world: ScimWorld) -> None:
    ids = [
        world.server.add_user("ANNA.Smith"),
        world.server.add_user("x1", externalId="anna.smith"),
        world.server.add_user("x2", emails=[{"value": "Anna.SMITH@northwind.example"}]),
    ]
    world.server.add_user("anna.smithers", displayName="anna.smith")
    connector = world.connect()
    connector.find(person(newcomer()))  # tries the filters
    world.server.calls.clear()
    lookup = connector.find(Person("", ("anna.smith@NORTHWIND.example",), ("anna.smith",)))
    found = {one.id: one.matched_by for one in lookup.accounts}
    assert found == dict(zip(ids, ("userName", "externalId", "emails"), strict=True))
    assert len(world.server.asked("GET", "/Users")) == 1


@pytest.mark.parametrize("refuse", [_without_or, _names_only])
@pytest.mark.parametrize("silently", [False, True])
def test_every_match_is_found_where_the_server_refuses_filters_or_answers_them_with_nothing(
    world: ScimWorld, refuse: Any, silently: bool
) -> None:
    by_name, by_mail = newcomer(), newcomer()
    ids = {world.add(by_name), world.add(by_mail), world.server.add_user("x", externalId=by_name.login)}
    nothing = {"totalResults": 0, "Resources": []}
    if silently:
        world.server.manners.rewrite = lambda call, body: nothing if refuse(call) else body
    else:
        world.server.manners.refuse = refuse
    lookup = world.connect().find(Person("", (by_mail.email,), (by_name.login,)))
    assert {one.id for one in lookup.accounts} == ids
    assert ("every account" in lookup.how) == (refuse is _names_only)


def test_an_address_is_looked_for_as_a_log_in_too(world: ScimWorld) -> None:
    account = world.server.add_user("anna@northwind.example")
    assert [one.id for one in world.connect().find(Person("", ("Anna@Northwind.example",))).accounts] == [account]


def test_a_server_that_does_not_mind_filters_finds_nobody_else(world: ScimWorld) -> None:
    who = newcomer()
    account = world.add(who)
    _crowd(world, 110)
    world.server.add_user(f"{who.login}s", emails=[{"value": f"{who.email}.org"}])
    world.server.manners.ignores_filters = True
    assert [one.id for one in world.connect().find(person(who)).accounts] == [account]


def test_a_name_that_ends_its_quotes_is_found_by_a_filter(world: ScimWorld) -> None:
    login = '"\\" or userName pr or userName eq "x'
    account, connector = world.server.add_user(login), world.connect()
    lookup = connector.find(Person("", (), (login,)))
    assert [one.id for one in lookup.accounts] == [account]
    assert "every account" not in lookup.how


@pytest.mark.parametrize("features", [{"filters": False}, {"filters": False, "cursor": True}])
@pytest.mark.parametrize("page_size", [13, 100])
def test_the_last_of_hundreds_is_found_page_by_page(open_world: Open, features: Any, page_size: int) -> None:
    world = open_world(**features)
    _crowd(world, 260)
    last = max(world.server.users())
    login = str(world.server.users()[last]["userName"])
    found = world.connect(page_size=page_size).find(Person("", (), (login,))).accounts
    assert [one.id for one in found] == [last]


@pytest.mark.parametrize("act", [Act.HALF, Act.UNFRAMED, Act.RESET, Act.LOSE])
def test_half_a_page_is_never_an_answer(open_world: Open, act: Act) -> None:
    world = open_world(filters=False)
    _crowd(world, 30)
    connector = world.connect(page_size=10)
    with world.proxy.fault(Fault(act, "GET", "startIndex=21")), pytest.raises(Unavailable):
        connector.find(Person("", (), ("nobody",)))


def test_a_page_that_breaks_once_is_asked_for_again(open_world: Open) -> None:
    world = open_world(filters=False)
    crowd = _crowd(world, 30)
    connector = world.connect(page_size=10)
    with world.proxy.fault(Fault(Act.RESET, "GET", "startIndex=21", times=1)):
        assert [one.id for one in connector.find(Person("", (), ("crowd.0007",))).accounts] == [crowd[7]]


@pytest.mark.parametrize(
    "broken", [{"Resources": []}, {"Resources": None}, {"Resources": {}}, {"totalResults": None, "Resources": None}]
)
def test_a_list_that_breaks_off_is_never_an_empty_one(open_world: Open, broken: dict[str, Any]) -> None:
    world = open_world(filters=False)
    _crowd(world, 30)

    def cut(call: Call, body: Any) -> Any:
        return body | broken if call.query.get("startIndex") == "21" else body

    world.server.manners.rewrite = cut
    with pytest.raises(Unavailable):
        world.connect(page_size=10).find(Person("", (), ("nobody",)))


@pytest.mark.parametrize("cursor", [True, False])
def test_a_server_that_repeats_one_page_is_found_out(open_world: Open, cursor: bool) -> None:
    world = open_world(filters=False, cursor=cursor)
    _crowd(world, 30)
    first: list[Any] = []

    def repeat(call: Call, body: Any) -> Any:
        if call.path == "/Users":
            first.append(body)
            return first[0]
        return body

    world.server.manners.rewrite = repeat
    with pytest.raises(Unavailable, match="same page"):
        world.connect(page_size=10).find(Person("", (), ("nobody",)))


@pytest.mark.parametrize("emptied", [{"totalResults": 0, "Resources": []}, {"totalResults": 0}])
def test_an_empty_company_is_not_believed(world: ScimWorld, emptied: Any) -> None:
    who = newcomer()
    world.add(who)
    world.server.manners.rewrite = lambda call, body: emptied if call.path == "/Users" else body
    with pytest.raises(Unavailable, match="not believed"):
        world.connect().find(person(who))


def test_a_list_that_is_not_there_is_trouble_and_not_nobody(world: ScimWorld) -> None:
    with world.proxy.fault(Fault(Act.STATUS, path="/Users", answer="404 Not Found")), pytest.raises(Unavailable):
        world.connect().find(person(newcomer()))


def test_the_operators_filter_narrows(world: ScimWorld) -> None:
    staff, robot = (
        world.server.add_user(f"anna.{n}", userType=kind, emails=[{"value": "a@northwind.example"}])
        for n, kind in enumerate(("Employee", "Robot"))
    )
    who = Person("", ("a@northwind.example",))
    assert {one.id for one in world.connect().find(who).accounts} == {staff, robot}
    narrowed = world.connect(user_filter='userType eq "Employee"').find(who)
    assert [one.id for one in narrowed.accounts] == [staff]


def test_an_operators_filter_that_the_server_cannot_keep_is_refused(open_world: Open) -> None:
    world = open_world(filters=False)
    with pytest.raises(Conflict, match="user_filter"):
        world.connect(user_filter='userType eq "Employee"').find(person(newcomer()))


# -- faulty filters


def _case_exact(call: Call, body: Any) -> Any:
    """Compare letter by letter, as servers do whose database does (Zulip until 2024, WSO2)."""
    if not call.filter:
        return body
    shown = [
        one
        for one in body["Resources"]
        if json.dumps(one["userName"]) in call.filter
        or any(json.dumps(mail["value"]) in call.filter for mail in one.get("emails", []))
    ]
    return body | {"Resources": shown, "totalResults": len(shown)}


def test_a_server_that_minds_case_hides_nobody_whom_the_directory_writes_otherwise(world: ScimWorld) -> None:
    account = world.server.add_user("dana.oneill", emails=[{"value": "dana.oneill@northwind.example"}])
    world.server.manners.rewrite = _case_exact
    lookup = world.connect().find(Person("", ("Dana.ONeill@northwind.example",)))
    assert [one.id for one in lookup.accounts] == [account]


@pytest.mark.parametrize("crowd", [1, 4])
def test_or_is_proven_by_several_people_alone(open_world: Open, crowd: int) -> None:
    """With one person, a server that uses only the first term, or answers `or` with nothing, seems to support it."""
    world = open_world(people=[])
    for n in range(crowd):
        world.server.add_user(f"crowd.{n}")
    nothing = {"totalResults": 0, "Resources": []}
    world.server.manners.rewrite = lambda call, body: (
        nothing if " or " in call.filter and (crowd > 1 or len(world.server.users()) > 1) else body
    )
    connector = world.connect()
    connector.find(Person("", (), ("nobody",)))
    account = world.server.add_user("leaver")
    assert [one.id for one in connector.find(Person("", ("leaver",))).accounts] == [account]


@pytest.mark.parametrize("status", [404, 500])
def test_nobody_matches_and_a_filter_that_fails_are_no_end(world: ScimWorld, status: int) -> None:
    """Some servers answer 404 for "nobody"; some fail at an attribute that they do not support."""
    who = newcomer()
    account = world.add(who)
    disliked = "emails" if status == 500 else " eq "
    world.server.manners.refuse = lambda call: status * (disliked in call.filter)
    assert [one.id for one in world.connect().find(Person("", (who.email,))).accounts] == [account]
    lookup = world.connect().find(person(newcomer()))
    assert (lookup.accounts, "every account" in lookup.how) == ((), True)


def test_a_server_that_minds_no_filter_and_hides_names_gives_no_stranger(open_world: Open) -> None:
    world = open_world(people=[])
    stranger = world.server.add_user("stranger", emails=[{"value": "stranger@northwind.example"}])
    world.server.manners.ignores_filters = True

    def hide(_: Call, body: Any) -> Any:
        for record in [body, *body.get("Resources", [])]:
            record.pop("userName", None)
        return body

    world.server.manners.rewrite = hide
    lookup = world.connect().find(person(newcomer()))
    assert (lookup.accounts, stranger in lookup.how) == ((), True)
    assert any(stranger in doubt for doubt in lookup.doubts)


def test_what_the_list_leaves_out_of_an_account_is_read_by_its_id(world: ScimWorld) -> None:
    who = newcomer()
    account = world.add(who)

    def terse(_: Call, body: Any) -> Any:
        for record in body.get("Resources", []):
            record.pop("active", None)
        return body

    world.server.manners.rewrite = terse
    connector = world.connect()
    [found] = connector.find(person(who)).accounts
    assert found.verdict is Verdict.OPEN
    assert found.before is not None
    connector.lock(found.before)
    everybody = [*map(AccountId, world.server.users())]
    seen = connector.observe(everybody)
    assert [one for one in everybody if seen[one].verdict is Verdict.LOCKED] == [account]
    assert {one.verdict for one in seen.values()} == {Verdict.LOCKED, Verdict.OPEN}
    with pytest.raises(Conflict, match="who is active"):
        list(connector.everyone())


# -- malformed records

BROKEN: list[dict[str, Any]] = [
    {"userName": None},
    {"emails": None},
    {"emails": "leaver@northwind.example"},
    {"emails": {"value": 7}},
    {"emails": [None, 3, [], {"value": None}]},
    {"userName": ["crowd"]},
    {"name": "text"},
    {"meta": []},
    {"displayName": {"a": 1}},
    {"active": {}},
    {"id": None},
    {"externalId": [[]]},
    {"userName": "x" * 100_000},
    {"userName": "\ud800"},
    {"emails": ["\udfff@x"]},
]


def _one_in_fifty(call: Call, body: Any) -> Any:
    records = body.get("Resources") if isinstance(body, dict) else None
    for place, record in enumerate(records or [], int(call.query.get("startIndex", "1")) - 1):
        if "userName" in record and place % 50 == 0:
            record.update(BROKEN[(place // 50) % len(BROKEN)])
    return body


@pytest.mark.parametrize("filters", [False, True])
def test_one_broken_record_in_fifty_breaks_nothing(open_world: Open, filters: bool) -> None:
    world = open_world(filters=filters)
    _crowd(world, 700)
    world.server.manners.rewrite = _one_in_fifty
    connector = world.connect(page_size=200)
    sane = [user for place, (_, user) in enumerate(sorted(world.server.users().items())) if place % 50]
    for user in (sane[0], sane[-1]):
        found = connector.find(Person("", (), (user["userName"],))).accounts
        assert [one.id for one in found] == [user["id"]]
    seen = connector.observe([user["id"] for user in world.server.users().values()])
    assert {one.verdict for one in seen.values()} == {Verdict.OPEN, Verdict.UNKNOWN}
    assert sum(one.verdict is Verdict.UNKNOWN for one in seen.values()) <= 1


@pytest.mark.parametrize(
    "shape",
    [
        {"emails": "leaver@northwind.example"},
        {"emails": ["leaver@northwind.example"]},
        {"emails": {"value": "LEAVER@northwind.example"}},
        {"emails": [None, {"value": ["leaver@northwind.example"]}]},
        {"userName": ["leaver"]},
        {"userName": {"value": "leaver"}},
        {"externalId": ["leaver"]},
    ],
)
def test_a_broken_record_that_is_the_person_is_found(open_world: Open, shape: dict[str, Any]) -> None:
    world = open_world(filters=False)
    account = world.server.add_user("someone")

    def mangle(_: Call, body: Any) -> Any:
        for record in body.get("Resources", []):
            if record.get("id") == account:
                record.update(shape)
        return body

    world.server.manners.rewrite = mangle
    found = world.connect().find(Person("", ("leaver@northwind.example",), ("leaver",))).accounts
    assert [one.id for one in found] == [account]


@pytest.mark.parametrize("by_id", [True, False])
@pytest.mark.parametrize("filters", [True, False])
def test_a_record_that_hides_its_name_is_read_by_id_then_taken_at_the_filters_word_and_else_named(
    open_world: Open, filters: bool, by_id: bool
) -> None:
    world = open_world(filters=filters)
    account = world.server.add_user("leaver")

    def hide(_: Call, body: Any) -> Any:
        for record in [*([] if by_id else [body]), *body.get("Resources", [])]:
            if record.get("id") == account:
                del record["userName"]
        return body

    world.server.manners.rewrite = hide
    lookup = world.connect().find(Person("", (), ("leaver",)))
    assert [one.id for one in lookup.accounts] == ([account] if filters or by_id else [])
    assert any(account in doubt for doubt in lookup.doubts) is not (filters or by_id)


def test_a_match_without_an_id_needs_a_person(world: ScimWorld) -> None:
    who = newcomer()
    world.add(who)

    def nameless(_: Call, body: Any) -> Any:
        for record in body.get("Resources", []):
            del record["id"]
        return body

    world.server.manners.rewrite = nameless
    with pytest.raises(Conflict, match="no id"):
        world.connect().find(person(who))
