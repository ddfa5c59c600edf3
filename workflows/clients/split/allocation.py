"""Splitting a client book between successors. Pure: the same items in any order give the same split.

A family (a company with its deals) always goes to one successor. `balanced` weighs each family by its share of the
whole value and of the whole number of records, half and half, and deals the heaviest first to whoever has least
(longest processing time first). Such a split is at most 4/3 of the best one there is (R. L. Graham, "Bounds on
multiprocessing timing anomalies", 1969); where it is above 4/3 of `lower_bound`, even the best one is above that bound,
and the split's notes say so.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from operator import itemgetter

from config.text import gettext_lazy, ngettext_lazy
from workflows.clients.split.rebalancing import SuccessorLoads, WeightedFamily, lower_bound, rebalance
from workflows.storage.rows.case import Strategy

Traits = frozenset[tuple[str, str]]
"""What is known of a client or a successor: `("language", "fr")`, `("co_owner", "bob@x.example")`."""
AFFINITY: Mapping[str, int] = {"co_owner": 100, "team": 10, "language": 1, "region": 1}
"""How close each shared trait brings a successor to a client; the sum decides, so a co-owner comes before all else."""
FAIR = 4 / 3
NOTHING = Decimal(0)
Chosen = Iterator[tuple[WeightedFamily, int]]


@dataclass(frozen=True, slots=True)
class AllocationItem:
    """Something to be given away whole: a record, or several of one family already counted together."""

    id: str
    family: str
    value: Decimal = NOTHING
    count: int = 1
    traits: Traits = frozenset()


@dataclass(frozen=True, slots=True)
class AllocationTarget:
    """Somebody who receives. `capacity`: how many clients at most; None: any number."""

    key: str
    capacity: int | None = None
    traits: Traits = frozenset()


@dataclass(frozen=True, slots=True)
class AllocationRule:
    """Clients that have all of these traits go to these successors. No traits: every client."""

    traits: Traits
    takers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """Who gets each family, and what people should know about it before they agree."""

    chosen: Mapping[str, str]
    """Successor by family."""
    notes: tuple[str, ...] = ()
    """Stored sentences."""
    over: Mapping[str, int] = field(default_factory=dict)
    """How many clients a successor gets beyond their capacity: only where there is no room left for them anywhere."""


def allocate(
    items: Iterable[AllocationItem],
    takers: Sequence[AllocationTarget],
    strategy: Strategy,
    *,
    rules: Sequence[AllocationRule] = (),
    mapping: Mapping[str, str] | None = None,
) -> Split:
    """Split. `mapping` names a successor for some families, whatever the strategy and their capacity.

    Raises `ValueError` for no or doubled successors, a doubled item, and a successor in `mapping` who is none of them.
    """
    keys = [taker.key for taker in takers]
    if not keys or len(set(keys)) != len(keys):
        raise ValueError("an allocation needs successors, each named once")
    mapping, turns = mapping or {}, {key: turn for turn, key in enumerate(keys)}
    if not turns.keys() >= set(mapping.values()):
        raise ValueError("a mapping names somebody who is no successor")
    pools = SuccessorLoads([taker.capacity for taker in takers])
    held: list[list[WeightedFamily]] = [[] for _ in takers]
    left = []
    for load in _families(items):
        if load.family in mapping:
            _give(pools, held, load, turns[mapping[load.family]])
        else:
            left.append(load)
    for load, turn in _dealt(left, pools, takers, strategy, rules):
        _give(pools, held, load, turn)
    notes = _evened(pools, held, fixed=len(mapping)) if strategy is Strategy.BALANCED else []
    over = {keys[turn]: number for turn, number in pools.over().items()}
    chosen = {load.family: keys[turn] for turn, loads in enumerate(held) for load in loads}
    return Split(chosen, (*notes, *_crowded(over)), over)


def _give(pools: SuccessorLoads, held: Sequence[list[WeightedFamily]], load: WeightedFamily, turn: int) -> None:
    pools.give(turn, load.weight)
    held[turn].append(load)


def _families(items: Iterable[AllocationItem]) -> list[WeightedFamily]:
    """Join items by family, heaviest first; sums are exact, so that order plays no part."""
    values: dict[str, Decimal] = {}
    counts: dict[str, int] = {}
    traits: dict[str, Traits] = {}
    seen: set[str] = set()
    number = 0
    with localcontext(prec=100):
        for item in items:
            family, number = item.family, number + 1
            seen.add(item.id)
            value = item.value if item.value > NOTHING else NOTHING  # noqa: FURB136 - a third of the time
            if family in counts:
                values[family] += value
                counts[family] += item.count
                traits[family] |= item.traits
            else:
                values[family], counts[family], traits[family] = value, item.count, item.traits
        whole, every = float(sum(values.values(), NOTHING)) or 1.0, sum(counts.values()) or 1
    if len(seen) != number:
        raise ValueError("an item stands twice in the book")
    loads = [
        WeightedFamily((worth := float(value)) / whole + counts[family] / every, worth, family, traits[family])
        for family, value in values.items()
    ]
    loads.sort(key=itemgetter(2))
    loads.sort(key=itemgetter(0, 1), reverse=True)  # stable: those alike stay in the order of their names
    return loads


def _dealt(
    loads: Sequence[WeightedFamily],
    pools: SuccessorLoads,
    takers: Sequence[AllocationTarget],
    strategy: Strategy,
    rules: Sequence[AllocationRule],
) -> Chosen:
    match strategy:
        case Strategy.SINGLE:
            return ((load, 0) for load in loads)
        case Strategy.ROUND_ROBIN:
            return _round_robin(loads, pools)
        case Strategy.BALANCED:
            return ((load, pools.anyone()) for load in loads)
        case Strategy.AFFINITY:
            return _by_groups(loads, pools, lambda traits: closest(traits, takers))
        case Strategy.RULES:
            return _by_groups(loads, pools, lambda traits: fitting(traits, takers, rules))


def _round_robin(loads: Sequence[WeightedFamily], pools: SuccessorLoads) -> Chosen:
    turn, every = -1, len(pools.everyone)
    for load in loads:
        start = turn = (turn + 1) % every
        while pools.full(turn):
            turn = (turn + 1) % every
            if turn == start:
                break
        yield load, turn


def _by_groups(
    loads: Sequence[WeightedFamily], pools: SuccessorLoads, groups_of: Callable[[Traits], list[tuple[int, ...]]]
) -> Chosen:
    """Give each family to who has least in its first group with room; clients alike share one look at the groups."""
    known: dict[Traits, list[tuple[int, ...]]] = {}
    for load in loads:
        groups = known.get(load.traits)
        if groups is None:
            groups = known[load.traits] = groups_of(load.traits)
        turns = (pools.least(group) for group in groups)
        turn = next((turn for turn in turns if turn is not None), None)
        yield load, pools.anyone() if turn is None else turn


def closest(traits: Traits, takers: Sequence[AllocationTarget]) -> list[tuple[int, ...]]:
    """Return the successors in groups, the closest first: a co-owner, then same team, then same language or region."""
    groups: dict[int, list[int]] = {}
    for turn, taker in enumerate(takers):
        shared = {name for name, _value in traits & taker.traits}
        groups.setdefault(sum(AFFINITY.get(name, 0) for name in shared), []).append(turn)
    return [tuple(groups[closeness]) for closeness in sorted(groups, reverse=True)]


def fitting(
    traits: Traits, takers: Sequence[AllocationTarget], rules: Sequence[AllocationRule]
) -> list[tuple[int, ...]]:
    """Return the successors that each rule for such a client names, in the rules' order."""
    named = [set(rule.takers) for rule in rules if rule.traits <= traits]
    groups = [tuple(turn for turn, taker in enumerate(takers) if taker.key in wanted) for wanted in named]
    return [group for group in groups if group]


def _evened(pools: SuccessorLoads, held: Sequence[list[WeightedFamily]], *, fixed: int) -> list[str]:
    """Say where the split is less even than 4/3 of what is possible at best, after trying to do better."""
    bound = lower_bound((load.weight for loads in held for load in loads), len(held), pools.capacities)
    if not fixed and max(pools.loads) > FAIR * bound:
        rebalance(pools, held, FAIR * bound)
    if max(pools.loads) <= FAIR * bound * (1 + 1e-9):
        return []
    said = gettext_lazy(
        "The most loaded successor gets {times:.1f} times the even share. "
        "Families stay whole, and fixed clients and capacities allow no more even split.",
        times=max(pools.loads) / bound,
    )
    return [said.stored]


def _crowded(over: Mapping[str, int]) -> list[str]:
    number = sum(over.values())
    if not number:
        return []
    said = ngettext_lazy(
        "{count:,} client is above the successors' capacities: {who}.",
        "{count:,} clients are above the successors' capacities: {who}.",
        number,
        who=", ".join(f"{key} +{more}" for key, more in sorted(over.items())),
    )
    return [said.stored]
