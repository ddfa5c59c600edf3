"""Splitting a client book between successors. Pure: the same items in any order give the same split.

A family (a company with its deals) always goes to one successor. `balanced` weighs each family by its share of the
whole value and of the whole number of records, half and half. The heaviest family goes first, to the successor with
the least (longest processing time first). Such a split is at most 4/3 of the best one (R. L. Graham, "Bounds on
multiprocessing timing anomalies", 1969). If it is above 4/3 of `lower_bound`, even the best one is above that bound,
and the split's notes say so.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from itertools import chain
from operator import itemgetter

from config.text import gettext_lazy, ngettext_lazy
from workflows.clients.split.rebalancing import SuccessorLoads, WeightedFamily, lower_bound, rebalance
from workflows.storage.rows.case import Strategy

Traits = frozenset[tuple[str, str]]
"""Attributes of a client or a successor: `("language", "fr")`, `("co_owner", "bob@x.example")`."""
AFFINITY: Mapping[str, int] = {"co_owner": 100, "team": 10, "language": 1, "region": 1}
"""The weight of each shared trait. The sum decides, so that a co-owner comes before all else."""
BALANCE_LIMIT = 4 / 3
ZERO = Decimal(0)
Assignments = Iterator[tuple[WeightedFamily, int]]


@dataclass(frozen=True, slots=True)
class AllocationItem:
    """A family with the sum of its records: one successor gets all of it."""

    family: str
    value: Decimal = ZERO
    count: int = 1
    traits: Traits = frozenset()


@dataclass(frozen=True, slots=True)
class AllocationTarget:
    """A successor. `capacity`: the most clients; None: any number."""

    key: str
    capacity: int | None = None
    traits: Traits = frozenset()


@dataclass(frozen=True, slots=True)
class AllocationRule:
    """Clients that have all of these traits go to these successors. No traits: every client."""

    traits: Traits
    successors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """The successor of each family, with notes for those who decide."""

    chosen: Mapping[str, str]
    """Successor by family."""
    notes: tuple[str, ...] = ()
    """Stored sentences."""
    over: Mapping[str, int] = field(default_factory=dict)
    """The clients beyond a successor's capacity: only where no successor has room for them."""


def allocate(
    items: Iterable[AllocationItem],
    targets: Sequence[AllocationTarget],
    strategy: Strategy,
    *,
    rules: Sequence[AllocationRule] = (),
    mapping: Mapping[str, str] | None = None,
) -> Split:
    """Split a book. `mapping` names a successor for some families, whatever the strategy and their capacity.

    Every family stands once in `items`. Raises `ValueError` for no or doubled successors, and for a successor in
    `mapping` who is none of them.
    """
    keys = [target.key for target in targets]
    if not keys or len(set(keys)) != len(keys):
        raise ValueError("an allocation needs successors, each named once")
    mapping, indexes = mapping or {}, {key: index for index, key in enumerate(keys)}
    if not indexes.keys() >= set(mapping.values()):
        raise ValueError("a mapping names somebody who is no successor")
    totals = SuccessorLoads([target.capacity for target in targets])
    assigned: list[list[WeightedFamily]] = [[] for _ in targets]
    families = weighted_families(items)
    mapped = ((load, indexes[mapping[load.family]]) for load in families if load.family in mapping)
    left = [load for load in families if load.family not in mapping]
    for load, index in chain(mapped, _assignments(left, totals, targets, strategy, rules)):
        totals.add(index, load.weight)
        assigned[index].append(load)
    notes = _balance_notes(totals, assigned, fixed=len(mapping)) if strategy is Strategy.BALANCED else []
    over = {keys[index]: number for index, number in totals.over_capacity().items()}
    chosen = {load.family: keys[index] for index, loads in enumerate(assigned) for load in loads}
    return Split(chosen, (*notes, *_capacity_notes(over)), over)


def weighted_families(items: Iterable[AllocationItem]) -> list[WeightedFamily]:
    """Return the families with their weights, heaviest first; sums are exact, so that order plays no part."""
    left, loads = list(items), []
    with localcontext(prec=100):
        whole = float(sum((max(item.value, ZERO) for item in left), ZERO)) or 1.0
    every = sum(item.count for item in left) or 1
    while left:  # each item is let go as its family is weighted: a large book is in memory once
        item = left.pop()
        value = float(max(item.value, ZERO))
        loads.append(WeightedFamily(value / whole + item.count / every, value, item.family, item.traits))
    loads.sort(key=itemgetter(2))
    loads.sort(key=itemgetter(0, 1), reverse=True)  # stable: those alike stay in the order of their names
    return loads


def _assignments(
    loads: Sequence[WeightedFamily],
    totals: SuccessorLoads,
    targets: Sequence[AllocationTarget],
    strategy: Strategy,
    rules: Sequence[AllocationRule],
) -> Assignments:
    match strategy:
        case Strategy.SINGLE:
            return ((load, 0) for load in loads)
        case Strategy.ROUND_ROBIN:
            return _round_robin(loads, totals)
        case Strategy.BALANCED:
            return ((load, totals.least_loaded()) for load in loads)
        case Strategy.AFFINITY:
            return _by_groups(loads, totals, lambda traits: groups_by_affinity(traits, targets))
        case Strategy.RULES:
            return _by_groups(loads, totals, lambda traits: groups_by_rule(traits, targets, rules))


def _round_robin(loads: Sequence[WeightedFamily], totals: SuccessorLoads) -> Assignments:
    index, every = -1, len(totals.all_indexes)
    for load in loads:
        start = index = (index + 1) % every
        while totals.full(index):
            index = (index + 1) % every
            if index == start:
                break
        yield load, index


def _by_groups(
    loads: Sequence[WeightedFamily], totals: SuccessorLoads, groups_of: Callable[[Traits], list[tuple[int, ...]]]
) -> Assignments:
    """Assign each family to the least loaded of its first group with room. The groups go by traits."""
    known: dict[Traits, list[tuple[int, ...]]] = {}
    for load in loads:
        if load.traits not in known:
            known[load.traits] = groups_of(load.traits)
        indexes = (totals.least_loaded_of(group) for group in known[load.traits])
        index = next((index for index in indexes if index is not None), None)
        yield load, totals.least_loaded() if index is None else index


def groups_by_affinity(traits: Traits, targets: Sequence[AllocationTarget]) -> list[tuple[int, ...]]:
    """Return the successors in groups, the closest first: co-owner, team, then language or region."""
    groups: dict[int, list[int]] = {}
    for index, target in enumerate(targets):
        shared = {name for name, _value in traits & target.traits}
        groups.setdefault(sum(AFFINITY.get(name, 0) for name in shared), []).append(index)
    return [tuple(groups[closeness]) for closeness in sorted(groups, reverse=True)]


def groups_by_rule(
    traits: Traits, targets: Sequence[AllocationTarget], rules: Sequence[AllocationRule]
) -> list[tuple[int, ...]]:
    """Return the successors that each rule for such a client names, in the rules' order."""
    named = [set(rule.successors) for rule in rules if rule.traits <= traits]
    groups = [tuple(index for index, target in enumerate(targets) if target.key in wanted) for wanted in named]
    return [group for group in groups if group]


def _balance_notes(totals: SuccessorLoads, assigned: Sequence[list[WeightedFamily]], *, fixed: int) -> list[str]:
    """Even out the split where it is above 4/3 of the best possible; return a note where it stays above."""
    bound = lower_bound((load.weight for loads in assigned for load in loads), len(assigned), totals.capacities)
    if not fixed and max(totals.loads) > BALANCE_LIMIT * bound:
        rebalance(totals, assigned, BALANCE_LIMIT * bound)
    if max(totals.loads) <= BALANCE_LIMIT * bound * (1 + 1e-9):
        return []
    note = gettext_lazy(
        "The most loaded successor gets {times:.1f} times the even share. "
        "Families stay whole, and fixed clients and capacities allow no more even split.",
        times=max(totals.loads) / bound,
    )
    return [note.stored]


def _capacity_notes(over: Mapping[str, int]) -> list[str]:
    if not over:
        return []
    note = ngettext_lazy(
        "{count:,} client is above the successors' capacities: {who}.",
        "{count:,} clients are above the successors' capacities: {who}.",
        sum(over.values()),
        who=", ".join(f"{key} +{more}" for key, more in sorted(over.items())),
    )
    return [note.stored]
