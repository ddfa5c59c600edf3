"""Possible owners of a client are known when the split is made: companies, contracts, leavers, those who are full."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.policies import Policies
from config.text import shown
from connectors.contract import AccountId
from tests.workflows.memory import World
from tests.workflows.office import services_on
from tests.workflows.stage import BOB, CAROL, CASE, LEAVER, MAX, Stage, crm
from workflows.clients.split.allocation import AllocationItem, AllocationRule, AllocationTarget, allocate
from workflows.clients.split.assignment_file import InvalidAssignmentFile
from workflows.clients.split.rules import AllocationPolicy
from workflows.people import Successor
from workflows.refusals import Code, Refused
from workflows.storage.case import mail_key
from workflows.storage.rows.case import Case, CaseState, Strategy
from workflows.storage.rows.clients import AssignmentState, BookPhase
from workflows.storage.rows.work_state import WorkState

NORTH, SOUTH = frozenset({"north"}), frozenset({"south"})


def two_companies(*, bob: frozenset[str] | None = NORTH, carol: frozenset[str] | None = NORTH | SOUTH) -> World:
    """Return a CRM in which Dana has four clients in the north and eight in the south, one record each."""
    world = crm(records=0)
    for n in range(12):
        world.record(f"opportunity:{n:03}", "dana", value=10, owner_pool="north" if n < 4 else "south")
    world.users[AccountId("bob")].pools = bob
    world.users[AccountId("carol")].pools = carol
    return world


def begun(folder: Path, world: World, strategy: str = "balanced") -> Stage:
    stage = Stage(folder, world.system(), strategy=strategy)
    stage.tick()
    return stage


def leave(stage: Stage, who: Successor) -> None:
    """Open a case for somebody, as HR would; they still work."""
    with stage.store.write() as session:
        case = session.get_one(Case, CASE)
        theirs = {"id": "theirs", "leaver_key": "theirs", "mail_key": mail_key(stage.vault, who.email)}
        session.add(Case(**{**case.model_dump(), **theirs, "state": CaseState.SCHEDULED}))


def owners(world: World) -> dict[str, set[str]]:
    return {who: world.owned(who) for who in ("dana", "bob", "carol")}


@pytest.mark.parametrize("strategy", [str(one) for one in Strategy])
def test_a_client_goes_only_to_those_who_can_own_it_and_nothing_is_refused(tmp_path: Path, strategy: str) -> None:
    world = two_companies()
    stage = begun(tmp_path, world, strategy)
    south = {f"opportunity:{n:03}" for n in range(4, 12)}
    assert {line.record_id for line in stage.lines() if line.successor == BOB} & south == set()
    assert "Bob Ross cannot get every client in crm: bob@x.example is no employee of south" in stage.proposal().note
    stage.approve()
    stage.settle(1)
    assert stage.clients().problems == ()
    assert owners(world)["dana"] == set()
    assert world.calls["move"] > 0


def test_what_none_of_them_can_own_is_said_before_and_asked_again_when_somebody_can(tmp_path: Path) -> None:
    world = two_companies(carol=NORTH)
    stage = begun(tmp_path, world)
    assert (stage.proposal().records, stage.proposal().families) == (4, 4)
    assert "8 clients stay with the leaver, because none of the successors can own them" in stage.proposal().note
    [problem] = stage.clients().problems
    assert problem.startswith("crm: 8 records were refused: none of the successors can own it: ")
    assert "bob@x.example is no employee of south, carol@x.example is no employee of south" in problem
    stage.approve()
    stage.settle(1)
    assert len(owners(world)["dana"]) == 8
    [balance] = stage.clients().balance
    assert "8 still with the leaver (8 refused)" in balance
    assert world.writes.total() == 4
    assert stage.book().phase == BookPhase.DONE
    world.users[AccountId("carol")].pools = NORTH | SOUTH
    stage.retry()
    stage.settle(1)
    assert (stage.proposal().version, stage.proposal().records) == (2, 8)
    stage.approve()
    stage.settle(1)
    assert (owners(world)["dana"], stage.clients().problems) == (set(), ())


def test_a_book_that_none_of_them_can_own_waits_with_the_reason(tmp_path: Path) -> None:
    world = two_companies(bob=frozenset(), carol=frozenset())
    stage = begun(tmp_path, world)
    assert stage.proposals() == []
    assert "none of the successors can own the records here" in stage.clients().problems[0]
    assert stage.book().state == WorkState.DUE
    world.users[AccountId("bob")].pools = NORTH | SOUTH
    stage.settle(10)
    assert stage.proposal().records == 12
    assert "Carol Díaz gets nothing in crm: carol@x.example is no employee of north" in stage.proposal().note


def test_a_client_in_two_companies_stays_whole(tmp_path: Path) -> None:
    world = two_companies(carol=SOUTH)
    world.record("opportunity:100", "dana", family="party:001", owner_pool="south")
    stage = begun(tmp_path, world)
    assert "1 client stays with the leaver, because none of the successors can own it" in stage.proposal().note
    states = {record: row.state for record, row in stage.rows().items() if row.family == "party:001"}
    assert states == dict.fromkeys(("opportunity:001", "opportunity:100"), AssignmentState.REFUSED)


def test_a_contract_counts_on_the_day_of_the_move(tmp_path: Path) -> None:
    world = two_companies(bob=None, carol=None)
    stage = Stage(tmp_path, world.system())
    world.users[AccountId("bob")].ends = stage.time.now().date() + timedelta(days=10)
    world.users[AccountId("carol")].ends = date.max

    def later(case: Case) -> None:
        case.effective_at = stage.time.now() + timedelta(days=14)

    stage.change(later)
    stage.tick()
    assert {line.successor for line in stage.lines()} == {CAROL}
    wanted = (LEAVER, (BOB, CAROL), Strategy.BALANCED, b"", stage.time.now() + timedelta(days=14))
    assert [share.successor for share in stage.handover.proposals.preview(*wanted).shares] == [CAROL]
    assert "the contract of bob@x.example ends before" in stage.proposal().note


def test_an_edit_and_a_file_give_nothing_to_somebody_who_cannot_own_it(tmp_path: Path) -> None:
    stage = begun(tmp_path, two_companies())
    proposal = stage.proposal()
    line = next(line for line in stage.lines() if line.record_id == "opportunity:009")
    with pytest.raises(Refused) as refused:
        stage.assign(proposal.id, proposal.digest, {line.id: BOB.key}, MAX)
    assert refused.value.code == Code.CANNOT_RECEIVE
    assert "is no employee of south" in refused.value.facts["why"]
    with pytest.raises(InvalidAssignmentFile) as unfit:
        stage.upload(proposal.id, proposal.digest, b"id,address\nopportunity:009,bob@x.example\n", MAX)
    assert [(fault.line, "is no employee of south" in fault.what) for fault in unfit.value.faults] == [(2, True)]
    north = next(line for line in stage.lines() if line.record_id == "opportunity:001")
    other = BOB if north.successor == CAROL else CAROL
    assert stage.assign(proposal.id, proposal.digest, {north.id: other.key}, MAX).version == 2


def test_the_file_of_a_preview_names_nobody_who_cannot_own_the_client(tmp_path: Path) -> None:
    stage = begun(tmp_path, two_companies())
    text = b"id,address\nopportunity:009,bob@x.example\nopportunity:001,bob@x.example\n"
    seen = stage.handover.proposals.preview(LEAVER, (BOB, CAROL), Strategy.BALANCED, text)
    assert [(fault.line, "is no employee of south" in fault.what) for fault in seen.faults] == [(2, True)]
    assert any("cannot get every client" in note for note in seen.notes)


def test_who_leaves_since_the_split_gets_nothing_by_an_edit_or_a_move(tmp_path: Path) -> None:
    world = crm()
    stage = begun(tmp_path, world)
    proposal = stage.proposal()
    leave(stage, BOB)
    line = next(line for line in stage.lines() if line.successor == CAROL)
    with pytest.raises(Refused) as refused:
        stage.assign(proposal.id, proposal.digest, {line.id: BOB.key}, MAX)
    assert (refused.value.code, refused.value.facts["why"]) == (Code.CANNOT_RECEIVE, "is leaving, too")
    bobs = sum(line.successor == BOB for line in stage.lines())
    stage.approve()
    stage.settle(1)
    assert (world.owned("bob"), len(world.owned("dana"))) == (set(), bobs)
    assert f"{bobs} records were refused: the successor is leaving, too" in stage.clients().problems[0]


def test_a_capacity_that_an_edit_breaks_is_said_and_one_that_it_heals_is_not(tmp_path: Path) -> None:
    stage = Stage(tmp_path, crm().system(), strategy="single")
    policy = AllocationPolicy(colleagues={BOB.key: AllocationTarget(BOB.key, 4)})
    stage.handover = services_on(
        stage.context, stage.members, Policies(approvals=stage.policy, allocation=policy)
    ).handover
    stage.tick()
    first = stage.proposal()
    assert "2 clients are above the successors' capacities: bob@x.example +2." in first.note
    lines = sorted({line.client_id: line.id for line in stage.lines()}.values())
    second = stage.assign(first.id, first.digest, dict.fromkeys(lines[:3], CAROL.key), MAX)
    assert "above the successors' capacities" not in second.note
    third = stage.assign(second.id, second.digest, dict.fromkeys(lines[:2], BOB.key), MAX)
    assert "1 client is above the successors' capacities: bob@x.example +1." in third.note


def test_the_closest_colleague_gets_their_own_clients_before_heavier_ones_fill_them_up() -> None:
    bob = AllocationTarget("bob", 2, frozenset({("co_owner", "bob"), ("region", "x")}))
    others = [AllocationItem(f"big {n}", traits=frozenset({("region", "x")}), count=50) for n in range(6)]
    own = [AllocationItem(f"own {n}", traits=frozenset({("co_owner", "bob")})) for n in range(2)]
    split = allocate([*others, *own], [bob, AllocationTarget("carol")], Strategy.AFFINITY)
    assert {family for family, key in split.chosen.items() if key == "bob"} == {"own 0", "own 1"}
    [note] = [shown(note) for note in split.notes]
    assert note.startswith("6 clients do not go to those who are closest or whom their rules name, since they are ")
    assert note.endswith("or are full: bob +6.")


def test_a_rule_comes_before_clients_that_fit_no_rule_and_one_that_cannot_be_followed_is_said() -> None:
    key, small = frozenset({("segment", "key")}), frozenset({("segment", "small")})
    rules = [AllocationRule(key, ("bob",)), AllocationRule(small, ("zed",))]
    items = [AllocationItem(f"big {n}", count=50) for n in range(6)]
    items += [AllocationItem("key", traits=key), AllocationItem("small", traits=small)]
    split = allocate(items, [AllocationTarget("bob", 1), AllocationTarget("carol")], Strategy.RULES, rules=rules)
    assert {family for family, who in split.chosen.items() if who == "bob"} == {"key"}
    assert ["zed +1" in shown(note) for note in split.notes] == [True]


pools = st.frozensets(st.sampled_from(["a", "b", "c"]), max_size=2)


@given(
    clients=st.lists(st.tuples(pools, st.integers(0, 99)), max_size=30),
    people=st.lists(st.tuples(st.none() | st.integers(0, 9), pools), min_size=1, max_size=5),
    strategy=st.sampled_from(Strategy),
)
@settings(deadline=None, max_examples=200)
def test_no_strategy_gives_a_client_to_somebody_who_cannot_own_it(
    clients: list[tuple[frozenset[str], int]], people: list[tuple[int | None, frozenset[str]]], strategy: Strategy
) -> None:
    items = {f"f{n}": AllocationItem(f"f{n}", count=1 + size, pools=pool) for n, (pool, size) in enumerate(clients)}
    takers = {f"s{n}": AllocationTarget(f"s{n}", room, barred=barred) for n, (room, barred) in enumerate(people)}
    chosen = allocate(items.values(), list(takers.values()), strategy).chosen
    assert all(not items[family].pools & takers[key].barred for family, key in chosen.items())
    assert items.keys() - chosen.keys() == {
        family for family, item in items.items() if all(item.pools & taker.barred for taker in takers.values())
    }
