"""Absence on servers that hide, contradict themselves or ignore what they are asked: it is proven, or it is unknown."""

from collections.abc import Callable
from typing import Any

import pytest

from connectors.conformance.accounts import newcomer, person
from connectors.contract import AccountId, Person, Verdict
from connectors.errors import Unavailable
from connectors.scim import bulk_observation, lookups
from tests.connectors.scim.conftest import Open
from tests.connectors.scim.test_sweep import _crowd
from tests.connectors.scim.world import ScimWorld
from tests.sandbox.company.scim import Call

NOTHING = {"totalResults": 0, "Resources": []}


def _users(call: Call) -> bool:
    return call.path == "/Users"


def _in_users(change: Callable[[dict[str, Any]], Any], *, lists_only: bool = False) -> Callable[[Call, Any], Any]:
    """Change every user that the server sends."""

    def rewrite(call: Call, body: Any) -> Any:
        if _users(call):
            return body | {"Resources": [change(one) for one in body["Resources"]]}
        return change(body) if call.path.startswith("/Users/") and not lists_only else body

    return rewrite


def _without(*names: str) -> Callable[[dict[str, Any]], Any]:
    return lambda record: {name: value for name, value in record.items() if name not in names}


# -- lookups by id


@pytest.mark.parametrize("few", [True, False])
@pytest.mark.parametrize("means", ["suspended", "removed"])
@pytest.mark.parametrize("wanted", [1, 60])
def test_an_account_that_the_list_shows_is_not_gone_because_a_read_by_its_id_fails(
    world: ScimWorld, monkeypatch: pytest.MonkeyPatch, means: str, few: bool, wanted: int
) -> None:
    monkeypatch.setattr(bulk_observation, "LIST_AT_MOST", 5_000 if few else 0)
    crowd, connector = _crowd(world, wanted), world.connect(inactive_means=means)
    account = crowd[-1]
    connector.use_lock_history(lambda _: True)
    read_by_id: list[bool] = []

    def refuse(call: Call) -> int:
        if call.path != f"/Users/{account}":
            return 0
        read_by_id.append(True)
        return 404

    def hide(call: Call, body: Any) -> Any:
        if _users(call) and wanted > 1 and not read_by_id:  # among many it is read by its id only if the list hides it
            return body | {"Resources": [one for one in body["Resources"] if one["id"] != account]}
        return body

    world.server.manners.refuse, world.server.manners.rewrite = refuse, hide
    assert connector.observe(crowd)[account].verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("means", ["suspended", "removed"])
def test_a_server_that_finds_nobody_by_id_proves_nothing(world: ScimWorld, means: str) -> None:
    account, connector = AccountId(world.server.user_id("max.weber")), world.connect(inactive_means=means)
    connector.use_lock_history(lambda _: True)
    gone = world.nobody()
    world.server.manners.refuse = lambda call: 404 * call.path.startswith("/Users/")
    seen = connector.observe([account, gone])
    assert {one.verdict for one in seen.values()} == {Verdict.UNKNOWN}
    assert "not found by its id either" in seen[gone].reason


def test_a_list_that_cannot_be_read_to_its_end_proves_nobody_gone(open_world: Open) -> None:
    world = open_world(filters=False)
    _crowd(world, 30)
    gone, connector = world.nobody(), world.connect(page_size=10)
    world.server.manners.refuse = lambda call: 400 * (call.query.get("startIndex", "1") not in ("1", "11"))
    assert connector.observe([gone])[gone].verdict is Verdict.UNKNOWN


def test_accounts_without_an_id_may_be_the_one_that_is_sought(world: ScimWorld) -> None:
    account = AccountId(world.server.user_id("max.weber"))
    world.server.manners.rewrite = _in_users(lambda one: one if one["id"] != account else _without("id")(one))
    world.server.manners.refuse = lambda call: 404 * (call.path == f"/Users/{account}")
    assert world.connect().observe([account])[account].verdict is Verdict.UNKNOWN


def test_the_only_account_is_not_proven_gone_by_its_own_absence(open_world: Open) -> None:
    world = open_world(people=[])
    only = AccountId(world.server.add_user("only"))
    world.server.manners.refuse = lambda call: 404 * call.path.startswith("/Users/")
    assert world.connect().observe([only])[only].verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("most", [5_000, 0])
@pytest.mark.parametrize("filters", [True, False])
def test_who_is_gone_beside_a_known_account_is_absent(
    open_world: Open, monkeypatch: pytest.MonkeyPatch, filters: bool, most: int
) -> None:
    monkeypatch.setattr(bulk_observation, "LIST_AT_MOST", most)
    world = open_world(filters=filters)
    gone = world.nobody()
    seen = world.connect().observe([gone])[gone]
    assert (seen.verdict, "was found in the list and by id" in seen.how) == (Verdict.ABSENT, True)


# -- filters


@pytest.mark.parametrize("page_size", [10, 100])
def test_filters_that_are_ignored_in_silence_hide_nobody_though_the_totals_agree(
    world: ScimWorld, page_size: int
) -> None:
    _crowd(world, 130)
    who = newcomer()
    world.add(who)
    world.server.manners.ignores_filters = True
    world.server.manners.rewrite = lambda call, body: (
        body | {"totalResults": len(body["Resources"])} if _users(call) else body
    )
    found = world.connect(page_size=page_size).find(person(who)).accounts
    assert [one.login for one in found] == [who.login]


@pytest.mark.parametrize("later", [True, False])
@pytest.mark.parametrize("most", [2_000, 0])
def test_filters_that_stopped_working_prove_nothing(
    world: ScimWorld, monkeypatch: pytest.MonkeyPatch, later: bool, most: int
) -> None:
    monkeypatch.setattr(lookups, "LIST_AT_MOST", most)
    connector, who = world.connect(), newcomer()
    if later:
        connector.find(person(newcomer()))
    world.add(who)
    world.server.manners.rewrite = lambda call, body: NOTHING if call.filter else body
    assert [one.login for one in connector.find(person(who)).accounts] == [who.login]


def test_a_filter_that_hides_one_account_is_contradicted_by_the_list(world: ScimWorld) -> None:
    who = newcomer()
    world.add(who)
    world.server.manners.rewrite = lambda call, body: NOTHING if who.login in call.filter else body
    assert [one.login for one in world.connect().find(person(who)).accounts] == [who.login]


@pytest.mark.parametrize("most", [2_000, 0])
def test_a_plus_that_the_server_decodes_twice_is_found_all_the_same(
    world: ScimWorld, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(lookups, "LIST_AT_MOST", most)
    plain, plus = (
        world.server.add_user(f"l{n}", emails=[{"value": value}])
        for n, value in enumerate(("a@x.example", "a+b@x.example"))
    )
    world.server.manners.rewrite = lambda call, body: (
        body
        if "+" not in call.filter
        else body | {"Resources": [one for one in body["Resources"] if "+" not in str(one)], "totalResults": 0}
    )
    connector = world.connect()
    assert [one.id for one in connector.find(Person("", ("a+b@x.example",))).accounts] == [plus]
    both = connector.find(Person("", ("a@x.example", "a+b@x.example"))).accounts
    assert {one.id for one in both} == {plain, plus}


@pytest.mark.parametrize("hidden", [("emails",), ("emails", "userName"), ("userName",)])
def test_a_record_that_does_not_show_the_match_is_read_by_its_id(world: ScimWorld, hidden: tuple[str, ...]) -> None:
    who = newcomer()
    account = world.add(who)
    world.server.manners.rewrite = _in_users(_without(*hidden), lists_only=True)
    found = world.connect().find(Person("", (who.email,))).accounts
    assert [(one.id, one.matched_by) for one in found] == [(account, "emails")]


@pytest.mark.parametrize("filters", [True, False])
@pytest.mark.parametrize("bare", [0, 60])
def test_addresses_that_lists_leave_out_are_read_by_id_or_make_it_doubtful(
    open_world: Open, filters: bool, bare: int
) -> None:
    world = open_world(filters=filters)
    for n in range(bare):
        world.server.add_user(f"crowd.{n:04}", emails=[{"value": f"c{n}@x.example"}])
    account = world.server.add_user("zoe", emails=[{"value": "leaver@x.example"}])
    world.server.manners.refuse = lambda call: 400 * ("emails" in call.filter)
    world.server.manners.rewrite = _in_users(_without("emails"), lists_only=True)
    lookup = world.connect().find(Person("", ("leaver@x.example",)))
    assert [one.id for one in lookup.accounts] == [account] or lookup.doubts
    assert lookup.accounts or bare


def test_an_account_that_the_filter_names_and_nothing_explains_is_no_absence_and_no_match(world: ScimWorld) -> None:
    who = newcomer()
    world.add(who)
    world.server.manners.rewrite = _in_users(_without("emails"))
    lookup = world.connect().find(Person("", (who.email,)))
    assert (lookup.accounts, any(who.login in doubt for doubt in lookup.doubts)) == ((), True)


def test_an_account_outside_the_operators_filter_is_no_absence(world: ScimWorld) -> None:
    world.server.add_user("robot", userType="Robot")
    connector = world.connect(user_filter='userType eq "Employee"')
    lookup = connector.find(Person("", (), ("robot",)))
    assert (lookup.accounts, any("robot" in doubt for doubt in lookup.doubts)) == ((), True)


# -- records


def _other_case(value: Any) -> Any:
    if isinstance(value, dict):
        return {name.swapcase(): _other_case(one) for name, one in value.items()}
    return [_other_case(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("filters", [True, False])
def test_names_of_attributes_have_no_case(open_world: Open, filters: bool) -> None:
    world = open_world(filters=filters)
    who = newcomer()
    account = world.add(who)
    group = world.add_group("team", [account])
    world.server.manners.rewrite = lambda _, body: _other_case(body)
    connector = world.connect()
    [found] = connector.find(person(who)).accounts
    assert (found.id, found.email, found.verdict) == (account, who.email, Verdict.OPEN)
    assert [one.id for one in connector.groups(account)] == [group]
    assert found.before
    connector.lock(found.before)
    assert connector.observe([account])[account].verdict is Verdict.LOCKED
    connector.remove(account, group)
    assert world.members(group) == set()


def test_an_active_that_two_spellings_contradict_is_unknown(world: ScimWorld) -> None:
    account = AccountId(world.server.user_id("max.weber"))
    world.server.manners.rewrite = _in_users(lambda one: one | {"Active": False})
    assert world.connect().observe([account])[account].verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "left",
    [{}, {"id": "7"}, {"id": None, "userName": None}, {"id": "7", "userName": "x", "emails": [{"type": "work"}]}],
)
@pytest.mark.parametrize("filters", [True, False])
def test_a_list_in_which_nothing_can_be_read_is_no_absence(
    open_world: Open, filters: bool, left: dict[str, Any]
) -> None:
    world = open_world(filters=filters)
    world.server.manners.rewrite = _in_users(lambda one: {name: left[name] for name in left})
    lookup = world.connect().find(Person("", ("leaver@x.example",)))
    assert (lookup.accounts, bool(lookup.doubts)) == ((), True)


@pytest.mark.parametrize("people", [0, 1])
def test_a_system_with_one_account_proves_nothing(open_world: Open, people: int) -> None:
    world = open_world(people=[])
    for n in range(people + 1):
        world.server.add_user(f"user.{n}", emails=[{"value": f"u{n}@x.example"}])
    lookup = world.connect().find(Person("", ("leaver@x.example",)))
    assert (lookup.accounts, bool(lookup.doubts)) == ((), people == 0)


@pytest.mark.parametrize(
    ("there", "sought"),
    [
        ("strauss@x.example", "strau\xdf@x.example"),
        ("\u212aim@x.example", "kim@x.example"),
        ("ir\u0131s@x.example", "iris@x.example"),
        ("jose\u0301@x.example", "jos\xe9@x.example"),
        ("anna\u200b@x.example", "anna@x.example"),
        ("M\xdcLLER@x.example", "m\xfcller@x.example"),
        ("anna@x.example", "MailTo:anna@x.example"),
        ("anna@x.example", "anna@x.example."),
    ],
)
@pytest.mark.parametrize("filters", [True, False])
def test_what_unicode_folds_together_is_asked_about_and_never_linked(
    open_world: Open, filters: bool, there: str, sought: str
) -> None:
    world = open_world(filters=filters)
    world.server.add_user("someone", emails=[{"value": there}])
    lookup = world.connect().find(Person("", (sought,)))
    assert (lookup.accounts, any("someone" in doubt for doubt in lookup.doubts)) == ((), True)


def test_nobody_to_look_up_is_no_absence(world: ScimWorld) -> None:
    assert world.connect().find(Person("Anna", (), (" ",))).doubts


def test_somebody_who_is_not_there_leaves_no_doubt(world: ScimWorld) -> None:
    assert world.connect().find(person(newcomer("o'brien+x"))).doubts == ()


# -- lists


@pytest.mark.parametrize("total", [20, 15, 10])
def test_a_total_that_is_too_small_ends_no_list(open_world: Open, total: int) -> None:
    world = open_world(filters=False)
    crowd = _crowd(world, 32)
    world.server.manners.rewrite = lambda call, body: body | {"totalResults": total} if _users(call) else body
    assert {*crowd} <= {one.id for one in world.connect(page_size=10).everyone()}


def test_cursors_that_end_before_the_total_are_no_whole_list(open_world: Open) -> None:
    world = open_world(filters=False, cursor=True)
    _crowd(world, 32)
    pages: list[Any] = []

    def cut(call: Call, body: Any) -> Any:
        pages.append(call)
        return _without("nextCursor")(body) if _users(call) and len(pages) % 3 == 2 else body

    world.server.manners.rewrite = cut
    with pytest.raises(Unavailable):
        list(world.connect(page_size=10).everyone())


def test_a_total_that_changes_while_the_list_is_read_is_no_whole_list(open_world: Open) -> None:
    world = open_world(filters=False)
    _crowd(world, 32)

    def shrinks(call: Call, body: Any) -> Any:
        if not _users(call) or call.query["startIndex"] == "1":
            return body
        return body | {"totalResults": 15, "Resources": body["Resources"][:5]}

    world.server.manners.rewrite = shrinks
    with pytest.raises(Unavailable):
        list(world.connect(page_size=10).everyone())


# -- reads that contradict each other


def test_a_locked_account_that_a_lookup_shows_active_is_unknown(
    world: ScimWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_observation, "LAG_SECONDS", 0)
    [account] = _crowd(world, 1)
    cache = _in_users(lambda one: one | {"active": False})
    world.server.manners.rewrite = lambda call, body: body if _users(call) else cache(call, body)
    seen = world.connect().observe([account])[account]
    assert (seen.verdict, "shows an active account" in seen.reason) == (Verdict.UNKNOWN, True)


def test_a_lookup_that_lags_behind_a_lock_is_waited_for(world: ScimWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_observation, "LAG_SECONDS", 0)
    [account] = _crowd(world, 1)
    world.server.change(account, active=False)
    late = [True, True]
    lags = _in_users(lambda one: one | {"active": bool(late and late.pop())}, lists_only=True)
    world.server.manners.rewrite = lambda call, body: lags(call, body) if call.filter else body
    assert world.connect().observe([account])[account].verdict is Verdict.LOCKED


def test_a_list_that_shows_everybody_locked_is_tried_on_one(world: ScimWorld) -> None:
    crowd = _crowd(world, 10)
    for account in crowd:
        world.server.change(account, active=True)
    world.server.manners.rewrite = _in_users(lambda one: one | {"active": False}, lists_only=True)
    assert {one.verdict for one in world.connect().observe(crowd).values()} == {Verdict.OPEN}


@pytest.mark.parametrize("mask", ["*", "•"])
def test_masked_addresses_are_not_read(world: ScimWorld, mask: str) -> None:
    world.server.add_user("zz1", emails=[{"value": "zoe@x.example"}])
    masked = _in_users(lambda one: one | {"emails": [{"value": f"{one['id'][0]}{mask * 3}@x.example"}]})
    world.server.manners.rewrite = masked
    world.server.manners.refuse = lambda call: 400 * ("emails" in call.filter)
    lookup = world.connect().find(Person("", ("zoe@x.example",)))
    assert (lookup.accounts, any("no readable address" in one for one in lookup.doubts)) == ((), True)
