"""The split of a book: nothing lost, nothing doubled, families whole, loads bounded; and wrong splits are caught."""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.allocation import Item, allocate, lower_bound
from workflows.model import Strategy

Split = Mapping[str, str]


def book(*sizes: tuple[int, int]) -> list[Item]:
    """One family per size: (records, value of each)."""
    return [
        Item(f"{n}.{i}", f"family {n}", Decimal(value))
        for n, (count, value) in enumerate(sizes) for i in range(count)
    ]


books = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 10**7)), max_size=60).map(lambda sizes: book(*sizes))
staff = st.integers(1, 9).map(lambda n: [f"s{i}" for i in range(n)])


def weights(items: Sequence[Item]) -> dict[str, float]:
    value, count = float(sum(item.value for item in items)), sum(item.count for item in items)
    weight: dict[str, float] = defaultdict(float)
    for item in items:
        weight[item.family] += (float(item.value) / value if value else 0) + item.count / count
    return weight


def faults(items: Sequence[Item], successors: Sequence[str], split: Split, *, balanced: bool) -> list[str]:
    """What is wrong with a split, in words; empty for a right one."""
    found = []
    if set(split) != {item.id for item in items}:
        found.append("lost or invented a record")
    if set(split.values()) - set(successors):
        found.append("gave to a stranger")
    homes: dict[str, set[str]] = defaultdict(set)
    for item in items:
        homes[item.family].add(split.get(item.id, "nobody"))
    if any(len(home) > 1 for home in homes.values()):
        found.append("tore a family apart")
    if balanced and items and not found:
        load: dict[str, float] = defaultdict(float)
        for family, weight in weights(items).items():
            load[next(iter(homes[family]))] += weight
        if max(load.values()) > 4 / 3 * lower_bound(weights(items).values(), len(successors)) + 1e-9:
            found.append("overloaded someone")
    return found


@given(items=books, successors=staff, strategy=st.sampled_from(Strategy))
@settings(deadline=None, max_examples=300)
def test_every_split_is_right(items: list[Item], successors: list[str], strategy: Strategy) -> None:
    split = allocate(items, successors, strategy)
    assert faults(items, successors, split, balanced=strategy is Strategy.BALANCED) == []


@given(items=books, successors=staff, strategy=st.sampled_from(Strategy), seed=st.integers())
@settings(deadline=None)
def test_order_plays_no_part(items: list[Item], successors: list[str], strategy: Strategy, seed: int) -> None:
    shuffled = random.Random(seed).sample(items, len(items))
    assert allocate(shuffled, successors, strategy) == allocate(items, successors, strategy)


def _loses_one(split: dict[str, str], items: Sequence[Item]) -> dict[str, str]:
    split.pop(items[-1].id)
    return split


def _tears(split: dict[str, str], items: Sequence[Item]) -> dict[str, str]:
    split[items[0].id] = "s1" if split[items[0].id] == "s0" else "s0"
    return split


def _overloads(split: dict[str, str], items: Sequence[Item]) -> dict[str, str]:
    return dict.fromkeys(split, "s0")


def _strangers(split: dict[str, str], items: Sequence[Item]) -> dict[str, str]:
    return dict.fromkeys(split, "eve")


@pytest.mark.parametrize("fault", [_loses_one, _tears, _overloads, _strangers])
def test_a_wrong_split_is_caught(fault: Callable[[dict[str, str], Sequence[Item]], dict[str, str]]) -> None:
    items, successors = book(*[(3, 100)] * 12), ["s0", "s1", "s2"]
    right = dict(allocate(items, successors, Strategy.BALANCED))
    assert faults(items, successors, right, balanced=True) == []
    assert faults(items, successors, fault(right, items), balanced=True)


def test_round_robin_deals_families_in_turn() -> None:
    items = book((1, 400), (5, 1), (1, 300), (1, 200))
    split = allocate(items, ["a", "b"], Strategy.ROUND_ROBIN)
    assert {split[item.id] for item in items if item.family == "family 1"} == {"a"}
    assert sorted(split[f"{n}.0"] for n in range(4)) == ["a", "a", "b", "b"]


def test_single_gives_all_to_the_first() -> None:
    assert set(allocate(book((2, 5), (1, 9)), ["a", "b"], Strategy.SINGLE).values()) == {"a"}


def test_many_small_families_come_out_even_by_value_and_by_count() -> None:
    chance = random.Random(7)
    items = book(*[(chance.randint(1, 5), chance.randint(0, 90_000)) for _ in range(600)])
    split = allocate(items, ["a", "b", "c", "d"], Strategy.BALANCED)
    value, count = dict.fromkeys("abcd", Decimal(0)), dict.fromkeys("abcd", 0)
    for item in items:
        value[split[item.id]] += item.value
        count[split[item.id]] += 1
    assert max(value.values()) < Decimal("1.33") * sum(value.values()) / 4
    assert max(count.values()) < 1.33 * sum(count.values()) / 4


@pytest.mark.parametrize("successors", [[], ["a", "a"]])
def test_successors_are_named_once_and_exist(successors: list[str]) -> None:
    with pytest.raises(ValueError, match="successors"):
        allocate(book((1, 1)), successors, Strategy.SINGLE)


def test_an_item_named_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        allocate([Item("1", "f"), Item("1", "g")], ["a"], Strategy.SINGLE)


def test_a_hundred_thousand_records_over_fifty_successors_take_under_three_seconds() -> None:
    chance = random.Random(1)
    items = [Item(str(n), f"f{n // 2}", Decimal(chance.randint(0, 10**6))) for n in range(100_000)]
    start = time.process_time()
    allocate(items, [f"s{n}" for n in range(50)], Strategy.BALANCED)
    assert time.process_time() - start < 3
