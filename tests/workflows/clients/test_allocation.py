"""The split of a book: nothing lost, nothing doubled, families whole, loads bounded; and wrong splits are caught."""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.text import shown
from tests.workflows.splits import CLOSE, best, book, faults, loads, weights
from workflows.clients.split.allocation import (
    BALANCE_LIMIT,
    AllocationItem,
    AllocationRule,
    AllocationTarget,
    Split,
    allocate,
)
from workflows.clients.split.rebalancing import lower_bound
from workflows.storage.rows.case import Strategy

TRAITS = (("language", "fr"), ("language", "de"), ("region", "north"), ("co_owner", "s1"), ("segment", "key"))


def staff(*capacities: int | None) -> list[AllocationTarget]:
    return [AllocationTarget(f"s{n}", capacity) for n, capacity in enumerate(capacities)]


books = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 10**7)), max_size=60).map(lambda sizes: book(*sizes))
small = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9)), min_size=1, max_size=6).map(lambda s: book(*s))
limits = st.none() | st.integers(0, 12)
traits = st.frozensets(st.sampled_from(TRAITS), max_size=3)
takers = st.lists(st.tuples(limits, traits), min_size=1, max_size=9).map(
    lambda made: [
        AllocationTarget(f"s{n}", capacity, known | {("co_owner", f"s{n}")}) for n, (capacity, known) in enumerate(made)
    ]
)
rules = st.lists(
    st.builds(AllocationRule, traits, st.lists(st.sampled_from(["s0", "s1", "s8"]), max_size=2).map(tuple))
)


@given(
    items=books,
    takers=takers,
    strategy=st.sampled_from(Strategy),
    rules=rules,
    known=st.lists(traits, min_size=1, max_size=4),
)
@settings(deadline=None, max_examples=200)
def test_every_split_is_right(
    items: list[AllocationItem],
    takers: list[AllocationTarget],
    strategy: Strategy,
    rules: list[AllocationRule],
    known: list[frozenset[tuple[str, str]]],
) -> None:
    items = [replace(item, traits=known[n % len(known)]) for n, item in enumerate(items)]
    split = allocate(items, takers, strategy, rules=rules)
    assert faults(items, takers, split, balanced=strategy is Strategy.BALANCED) == []


@given(items=books, takers=takers, strategy=st.sampled_from(Strategy), rules=rules, seed=st.integers())
@settings(deadline=None)
def test_order_plays_no_part(
    items: list[AllocationItem],
    takers: list[AllocationTarget],
    strategy: Strategy,
    rules: list[AllocationRule],
    seed: int,
) -> None:
    shuffled = random.Random(seed).sample(items, len(items))
    assert allocate(shuffled, takers, strategy, rules=rules) == allocate(items, takers, strategy, rules=rules)


@given(items=small, capacities=st.lists(st.none() | st.integers(0, 7), min_size=1, max_size=3))
@settings(deadline=None, max_examples=150)
@example(items=book((1, 9), (1, 9), (1, 5), (1, 5), (1, 5)), capacities=[2, 3])
def test_balanced_stays_within_four_thirds_of_the_best_split_there_is(
    items: list[AllocationItem], capacities: list[int | None]
) -> None:
    takers = staff(*capacities)
    split, lowest = allocate(items, takers, Strategy.BALANCED), best(items, takers)
    if lowest == float("inf"):
        assert split.over
        return
    most = max(loads(items, split.chosen).values())
    bound = lower_bound(weights(items).values(), len(takers), capacities)
    assert bound <= lowest + CLOSE
    assert most <= BALANCE_LIMIT * lowest + CLOSE
    if split.notes:  # it says that it is uneven: then no split at all reaches the bound
        assert lowest > bound + CLOSE / 10


def test_what_families_force_is_said() -> None:
    twos_and_ones = [AllocationItem("big", Decimal(2), 2), *(AllocationItem(str(n), Decimal(1)) for n in range(199))]
    split = allocate(twos_and_ones, staff(*[None] * 100), Strategy.BALANCED)
    assert max(loads(twos_and_ones, split.chosen).values()) > BALANCE_LIMIT * lower_bound(
        weights(twos_and_ones).values(), 100
    )
    assert "1.5 times" in shown(split.notes[0])


def test_what_capacities_force_is_within_the_bound_that_they_allow() -> None:
    items = book(*[(1, 10)] * 20)
    split = allocate(items, staff(2, 2, None), Strategy.BALANCED)
    assert sorted(list(split.chosen.values()).count(key) for key in ("s0", "s1", "s2")) == [2, 2, 16]
    assert split.notes == ()


def test_without_room_for_all_the_rest_is_shared_and_said() -> None:
    split = allocate(book(*[(1, 10)] * 10), staff(2, 3), Strategy.BALANCED)
    assert sum(split.over.values()) == 5
    assert any("5 clients are above" in shown(note) for note in split.notes)
    assert allocate(book(*[(1, 10)] * 5), staff(2, 3), Strategy.BALANCED).over == {}


def _loses_one(split: Split) -> Split:
    return replace(split, chosen=dict(list(split.chosen.items())[1:]))


def _overloads(split: Split) -> Split:
    return replace(split, chosen=dict.fromkeys(split.chosen, "s1"))


def _strangers(split: Split) -> Split:
    return replace(split, chosen=dict.fromkeys(split.chosen, "eve"))


def _breaks_a_capacity(split: Split) -> Split:
    return replace(split, chosen=dict.fromkeys(split.chosen, "s0"), over={"s0": 2})


def _keeps_silent(split: Split) -> Split:
    return replace(split, chosen=dict.fromkeys(split.chosen, "s0"))


@pytest.mark.parametrize("fault", [_loses_one, _overloads, _strangers, _breaks_a_capacity, _keeps_silent])
def test_a_wrong_split_is_caught(fault: Callable[[Split], Split]) -> None:
    items, takers = book(*[(3, 100)] * 12), staff(10, None, None)
    right = allocate(items, takers, Strategy.BALANCED)
    assert faults(items, takers, right, balanced=True) == []
    assert faults(items, takers, fault(right), balanced=True)


def test_round_robin_deals_families_in_turn_and_passes_over_the_full() -> None:
    items = book((1, 400), (5, 1), (1, 300), (1, 200))
    assert sorted(allocate(items, staff(None, None), Strategy.ROUND_ROBIN).chosen.values()) == ["s0", "s0", "s1", "s1"]
    assert sorted(allocate(items, staff(1, None), Strategy.ROUND_ROBIN).chosen.values()) == ["s0", "s1", "s1", "s1"]


def test_single_gives_all_to_the_first() -> None:
    assert set(allocate(book((2, 5), (1, 9)), staff(None, None), Strategy.SINGLE).chosen.values()) == {"s0"}


def test_a_mapping_comes_before_everything_and_counts_as_load() -> None:
    items = book((1, 90), (1, 50), (1, 40))
    split = allocate(items, staff(None, None), Strategy.BALANCED, mapping={"family 0": "s1"})
    assert split.chosen == {"family 0": "s1", "family 1": "s0", "family 2": "s0"}
    with pytest.raises(ValueError, match="no successor"):
        allocate(items, staff(None), Strategy.BALANCED, mapping={"family 0": "eve"})


def near(*known: tuple[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(known)


def test_affinity_takes_the_co_owner_then_the_team_then_language_or_region() -> None:
    people = [
        AllocationTarget("owner", traits=near(("co_owner", "owner"))),
        AllocationTarget("mate", traits=near(("team", "emea"))),
        AllocationTarget("speaker", traits=near(("language", "fr"), ("region", "north"))),
        AllocationTarget("other"),
    ]
    client = near(("team", "emea"), ("language", "fr"))
    items = [AllocationItem("a", traits=client | {("co_owner", "owner")}), AllocationItem("b", traits=client)]
    assert allocate(items, people, Strategy.AFFINITY).chosen == {"a": "owner", "b": "mate"}
    assert allocate(items[1:], people[2:], Strategy.AFFINITY).chosen == {"b": "speaker"}
    northern = [AllocationItem("c", traits=near(("region", "north")))]
    assert allocate(northern, people, Strategy.AFFINITY).chosen == {"c": "speaker"}
    full = [replace(people[0], capacity=0), *people[1:]]
    assert allocate(items[:1], full, Strategy.AFFINITY).chosen == {"a": "mate"}


def test_affinity_is_even_among_those_who_are_equally_close() -> None:
    french = near(("language", "fr"))
    items = [replace(item, traits=french) for item in book(*[(1, 10)] * 30)]
    chosen = allocate(
        items,
        [*staff(None), AllocationTarget("f1", traits=french), AllocationTarget("f2", traits=french)],
        Strategy.AFFINITY,
    )
    counted: dict[str, int] = defaultdict(int)
    for key in chosen.chosen.values():
        counted[key] += 1
    assert counted == {"f1": 15, "f2": 15}


def test_the_first_rule_that_fits_decides_and_what_none_fits_is_shared() -> None:
    key, french = near(("segment", "key")), near(("language", "fr"))
    ordered = [AllocationRule(key, ("s2",)), AllocationRule(french, ("s1",))]
    items = [
        AllocationItem("a", traits=key | french),
        AllocationItem("b", traits=french),
        AllocationItem("c", Decimal(9)),
    ]
    assert allocate(items, staff(None, None, None), Strategy.RULES, rules=ordered).chosen == {
        "a": "s2",
        "b": "s1",
        "c": "s0",
    }
    assert allocate(items, staff(None, None, 0), Strategy.RULES, rules=ordered).chosen["a"] == "s1"
    assert allocate(items, staff(None, None), Strategy.RULES, rules=ordered).chosen["a"] == "s1"


@pytest.mark.parametrize("successors", [[], [AllocationTarget("a"), AllocationTarget("a")]])
def test_successors_are_named_once_and_exist(successors: Sequence[AllocationTarget]) -> None:
    with pytest.raises(ValueError, match="successors"):
        allocate(book((1, 1)), successors, Strategy.SINGLE)
