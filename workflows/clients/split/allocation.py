"""Splitting a client book between successors. Pure: the same items in any order give the same split.

A family (a company with its deals) always goes to one successor. `balanced` weighs each family by its share of the
whole value and of the whole number of records, half and half. The heaviest family goes first, to the successor with
the least (longest processing time first). Such a split is at most 4/3 of the best one (R. L. Graham, "Bounds on
multiprocessing timing anomalies", 1969). If it is above 4/3 of `lower_bound`, even the best one is above that bound,
and the split's notes say so.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, localcontext
from itertools import chain
from operator import itemgetter

from config.text import gettext_lazy, ngettext_lazy
from workflows.clients.split.rebalancing import SuccessorLoads, WeightedFamily, lower_bound, rebalance
from workflows.storage.rows.case import Strategy

Traits = frozenset[tuple[str, str]]
"""Attributes of a client or a successor: `("language", "fr")`, `("co_owner", "bob@x.example")`."""
AFFINITY: Mapping[str, int] = {"co_owner": 100, "team": 10, "language": 1, "region": 1, "segment": 1}
"""The weight of each shared trait. The sum decides, so that a co-owner comes before all else."""
BALANCE_LIMIT = 4 / 3
TOLD = 5
"""The most names in one sentence, where there may be one for each client."""
ZERO = Decimal(0)
Assignments = Iterator[tuple[WeightedFamily, int]]


@dataclass(frozen=True, slots=True)
class AllocationItem:
    """A family with the sum of its records: one successor gets all of it."""

    family: str
    value: Decimal = ZERO
    count: int = 1
    traits: Traits = frozenset()
    pools: frozenset[str] = frozenset()
    """The owner pools of its records: a successor must belong to all of them."""


@dataclass(frozen=True, slots=True)
class AllocationTarget:
    """A successor. `capacity`: the most clients; None: any number."""

    key: str
    capacity: int | None = None
    traits: Traits = frozenset()
    barred: frozenset[str] = frozenset()
    """Owner pools that the successor does not belong to: such a client never goes there."""
    named_only: bool = False
    """True for who gets the clients of a mapping, and others only where nobody else can own them."""
    owned: int = 0
    """Records that they own already and that count; each weighs as an average record of the book."""


@dataclass(frozen=True, slots=True)
class AllocationRule:
    """Clients that have all of these traits go to these successors. No traits: every client."""

    traits: Traits
    successors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Successors to whom a client should go before others. `rank` orders clients; 0 is no preference."""

    rank: int
    indexes: tuple[int, ...]
    names: str

    def among(self, possible: Collection[int]) -> "Group":
        """Return the group without those who cannot own the client."""
        able = set(possible)
        return replace(self, indexes=tuple(index for index in self.indexes if index in able))


@dataclass(frozen=True, slots=True)
class Split:
    """The successor of each family, with notes for those who decide. Without one are those that none can own."""

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
    possible = _PossibleOwners(targets)
    if not indexes.keys() >= set(mapping.values()):
        raise ValueError("a mapping names somebody who is no successor")
    book = list(items)
    records = sum(item.count for item in book) or 1
    families = weighted_families(book, possible)
    record = math.fsum(load.weight for load in families) / records
    totals = SuccessorLoads([target.capacity for target in targets], [target.owned * record for target in targets])
    assigned: list[list[WeightedFamily]] = [[] for _ in targets]
    families = [load for load in families if load.possible]
    mapped = ((load, indexes[mapping[load.family]]) for load in families if load.family in mapping)
    left = [load for load in families if load.family not in mapping]
    unmet: Counter[str] = Counter()
    for load, index in chain(mapped, _assignments(left, totals, targets, strategy, rules, unmet)):
        totals.add(index, load.weight)
        assigned[index].append(load)
    notes = []
    if strategy is Strategy.BALANCED and families:
        sharing = [index for index, target in enumerate(targets) if not target.named_only] or totals.all_indexes
        notes = _balance_notes(totals, assigned, sharing, fixed=len(mapping))
    notes += _unmet_notes(unmet)
    over = {keys[index]: number for index, number in totals.over_capacity().items()}
    chosen = {load.family: keys[index] for index, loads in enumerate(assigned) for load in loads}
    return Split(chosen, (*notes, *capacity_notes(over)), over)


class _PossibleOwners(dict[frozenset[str], tuple[int, ...]]):
    """The successors who can own a client, by the owner pools of its records. A large book has few different ones."""

    def __init__(self, targets: Sequence[AllocationTarget]) -> None:
        super().__init__()
        self._targets = targets

    def __missing__(self, pools: frozenset[str]) -> tuple[int, ...]:
        """Find them once."""
        able = [index for index, target in enumerate(self._targets) if not pools & target.barred]
        self[pools] = tuple(index for index in able if not self._targets[index].named_only) or tuple(able)
        return self[pools]


def weighted_families(
    left: list[AllocationItem], possible: Mapping[frozenset[str], tuple[int, ...]]
) -> list[WeightedFamily]:
    """Return the families with their weights, heaviest first; sums are exact, so that order plays no part.

    `left` is empty afterwards.
    """
    loads = []
    with localcontext(prec=100):
        whole = float(sum((max(item.value, ZERO) for item in left), ZERO)) or 1.0
    every = sum(item.count for item in left) or 1
    while left:  # each item is let go as its family is weighted: a large book is in memory once
        item = left.pop()
        value = float(max(item.value, ZERO))
        weight = value / whole + item.count / every
        loads.append(WeightedFamily(weight, value, item.family, item.traits, possible[item.pools]))
    loads.sort(key=itemgetter(2))
    loads.sort(key=itemgetter(0, 1), reverse=True)  # stable: those alike stay in the order of their names
    return loads


def _assignments(
    loads: Sequence[WeightedFamily],
    totals: SuccessorLoads,
    targets: Sequence[AllocationTarget],
    strategy: Strategy,
    rules: Sequence[AllocationRule],
    unmet: Counter[str],
) -> Assignments:
    match strategy:
        case Strategy.SINGLE:
            return ((load, load.possible[0]) for load in loads)
        case Strategy.ROUND_ROBIN:
            return _round_robin(loads, totals)
        case Strategy.BALANCED:
            return ((load, totals.least_loaded(load.possible)) for load in loads)
        case Strategy.AFFINITY:
            return _by_groups(loads, totals, lambda traits: groups_by_affinity(traits, targets), unmet)
        case Strategy.RULES:
            return _by_groups(loads, totals, lambda traits: groups_by_rule(traits, targets, rules), unmet)


def _round_robin(loads: Sequence[WeightedFamily], totals: SuccessorLoads) -> Assignments:
    index, every = -1, len(totals.all_indexes)
    for load in loads:
        first = index + 1
        turn = [one % every for one in range(first, first + every) if one % every in load.possible]
        index = next((one for one in turn if not totals.full(one)), turn[0])
        yield load, index


def _by_groups(
    loads: Sequence[WeightedFamily],
    totals: SuccessorLoads,
    groups_of: Callable[[Traits], Sequence[Group]],
    unmet: Counter[str],
) -> Assignments:
    """Assign each family to the least loaded of its first group with room; those with the closest group come first.

    So nobody is full of clients that could go to anybody when their own come. The groups go by traits. `unmet` counts
    the families that did not go to their first group, by its names.
    """
    known: dict[tuple[Traits, int], tuple[int, list[Group]]] = {}
    ranked = []
    for load in loads:
        key = load.traits, id(load.possible)  # one object for all alike: its many numbers are not hashed each time
        if key not in known:
            groups = [group.among(load.possible) for group in groups_of(load.traits)]
            known[key] = next((-group.rank for group in groups if group.indexes), 0), groups
        ranked.append((*known[key], load))
    ranked.sort(key=itemgetter(0))  # stable: heaviest first
    for _rank, groups, load in ranked:
        indexes = (totals.least_loaded_of(group.indexes) for group in groups)
        index = next((index for index in indexes if index is not None), None)
        index = totals.least_loaded(load.possible) if index is None else index
        if groups and groups[0].rank and index not in groups[0].indexes:
            unmet[groups[0].names] += 1
        yield load, index


def groups_by_affinity(traits: Traits, targets: Sequence[AllocationTarget]) -> list[Group]:
    """Return the successors in groups, the closest first: co-owner, team, then language or region."""
    groups: dict[int, list[int]] = {}
    for index, target in enumerate(targets):
        shared = {name for name, _value in traits & target.traits}
        groups.setdefault(sum(AFFINITY.get(name, 0) for name in shared), []).append(index)
    return [
        Group(
            closeness,
            tuple(groups[closeness]),
            _named([targets[index].key for index in groups[closeness]]) if closeness else "",
        )
        for closeness in sorted(groups, reverse=True)
    ]


def groups_by_rule(traits: Traits, targets: Sequence[AllocationTarget], rules: Sequence[AllocationRule]) -> list[Group]:
    """Return the successors that each rule for such a client names, in the rules' order."""
    return [
        Group(
            len(rules) - place,
            tuple(index for index, target in enumerate(targets) if target.key in rule.successors),
            _named(rule.successors),
        )
        for place, rule in enumerate(rules)
        if rule.traits <= traits and rule.successors
    ]


def _balance_notes(
    totals: SuccessorLoads, assigned: Sequence[list[WeightedFamily]], sharing: Sequence[int], *, fixed: int
) -> list[str]:
    """Even out the split where it is above 4/3 of the best possible; return a note where it stays above.

    `sharing`: the successors who share the clients that nobody gave by name.
    """
    weights = [load.weight for index in sharing for load in assigned[index]]
    owned = [totals.owned[index] for index in sharing]
    bound = max(
        lower_bound(weights, len(sharing), [totals.capacities[index] for index in sharing]),
        (math.fsum(weights) + math.fsum(owned)) / len(sharing),
        *owned,
    )
    if not fixed and _most(totals, sharing) > BALANCE_LIMIT * bound:
        rebalance(totals, assigned, BALANCE_LIMIT * bound)
    if _most(totals, sharing) <= BALANCE_LIMIT * bound * (1 + 1e-9):
        return []
    note = gettext_lazy(
        "The most loaded successor gets {times:.1f} times the even share. "
        "Families stay whole, and fixed clients and capacities allow no more even split.",
        times=_most(totals, sharing) / bound,
    )
    return [note.stored]


def _most(totals: SuccessorLoads, indexes: Sequence[int]) -> float:
    return max(totals.loads[index] for index in indexes)


def capacity_notes(over: Mapping[str, int]) -> list[str]:
    """Return a stored sentence on the clients beyond successors' capacities, if there are any."""
    if not over:
        return []
    note = ngettext_lazy(
        "{count:,} client is above the successors' capacities: {who}.",
        "{count:,} clients are above the successors' capacities: {who}.",
        sum(over.values()),
        who=_counted(over),
    )
    return [note.stored]


def _named(keys: Sequence[str]) -> str:
    return ", ".join(keys[:TOLD]) + (", …" if len(keys) > TOLD else "")


def _unmet_notes(unmet: Counter[str]) -> list[str]:
    if not unmet:
        return []
    note = ngettext_lazy(
        "{count:,} client does not go to those who are closest or whom its rule names, "
        "since they are no successors here, cannot own it, or are full: {who}.",
        "{count:,} clients do not go to those who are closest or whom their rules name, "
        "since they are no successors here, cannot own them, or are full: {who}.",
        sum(unmet.values()),
        who=_counted(dict(unmet.most_common(TOLD))) + (", …" if len(unmet) > TOLD else ""),
    )
    return [note.stored]


def _counted(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{names} +{more}" for names, more in sorted(numbers.items()))
