"""The split of one system's book: its families while it is read, the company's policy, and the rows of a file.

A family has its counts, values and traits here, never its records. A large book has hundreds of thousands of families,
so that each costs a number in a few lists and no object of its own.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from config.text import _
from connectors.contract import AccountId, Record
from workflows.clients import rates
from workflows.clients.rates import Rates
from workflows.clients.split.allocation import AllocationItem, AllocationRule, AllocationTarget, Split, Traits, allocate
from workflows.clients.split.assignment_file import AssignmentRow, ambiguous, cannot_own, contradiction
from workflows.clients.split.sealed import ShareTotals
from workflows.clients.views import LineFault
from workflows.storage.rows.case import Strategy

DEALS = frozenset({"opportunity", "deal"})
"""Kinds that are deals: the open ones are counted for people."""
NONE: Traits = frozenset()
BY_VALUE = frozenset({Strategy.BALANCED, Strategy.AFFINITY, Strategy.RULES})
"""Strategies in which values decide who gets how much."""


class ExactAmounts:
    """Sums of one currency by family, as whole numbers of its smallest unit: exact, and small in memory."""

    def __init__(self) -> None:
        self._digits = 2
        self._amounts: list[int] = []

    def add(self, place: int, value: Decimal) -> None:
        """Add a value to a family's sum."""
        amounts = self._amounts
        if place >= len(amounts):
            amounts.extend([0] * (place + 1 - len(amounts)))
        scaled = value.scaleb(self._digits)
        amount = int(scaled)
        if amount != scaled:
            self._widen(-int(value.as_tuple().exponent))
            amount = int(value.scaleb(self._digits))
        amounts[place] += amount

    def __iter__(self) -> Iterator[tuple[int, Decimal]]:
        """Yield each family that has a sum, with the sum."""
        return ((place, self._value(amount)) for place, amount in enumerate(self._amounts) if amount)

    def __getitem__(self, place: int) -> Decimal:
        """Return a family's sum."""
        return self._value(self._amounts[place] if place < len(self._amounts) else 0)

    def _value(self, amount: int) -> Decimal:
        value = Decimal(amount).scaleb(-self._digits)
        whole = value.to_integral_value()
        return whole if whole == value else value

    def _widen(self, digits: int) -> None:
        factor = 10 ** (digits - self._digits)
        self._digits, self._amounts[:] = digits, [amount * factor for amount in self._amounts]


@dataclass
class FamilyTotals:
    """The sums by family. `wanted`: ids and lower-case names that a file speaks of, to be found on the way."""

    wanted: Collection[str] = ()
    with_stages: bool = False
    """True if the stages of open deals are traits of a family."""
    found: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The families behind each wanted id or name."""
    _places: dict[str, int] = field(default_factory=dict)
    """Position of each family in the lists below."""
    _records: "array[int]" = field(default_factory=lambda: array("l"))
    _deals: "array[int]" = field(default_factory=lambda: array("l"))
    _amounts: dict[str, ExactAmounts] = field(default_factory=lambda: defaultdict(ExactAmounts))
    _traits: list[Traits] = field(default_factory=list)
    _sensitivities: dict[int, frozenset[str]] = field(default_factory=dict)
    _pools: list[frozenset[str]] = field(default_factory=list)
    """The owner pools of each family's records."""
    _same_words: dict[frozenset[str], frozenset[str]] = field(default_factory=dict)
    _same_traits: dict[Traits, Traits] = field(default_factory=dict)
    """One object for all sets that are alike: a large book has few different ones."""

    def __len__(self) -> int:
        """Return the number of families."""
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        """Yield the families."""
        return iter(self._places)

    def __contains__(self, family: object) -> bool:
        """Return whether the book has a family."""
        return family in self._places

    def add(self, record: Record) -> None:
        """Count one record."""
        place = self._places.setdefault(record.family, len(self._places))
        if place == len(self._records):
            self._records.append(0)
            self._deals.append(0)
            self._traits.append(NONE)
            self._pools.append(frozenset())
        self._records[place] += 1
        if record.open:
            self._deals[place] += record.kind in DEALS
            if record.value:
                self._amounts[record.currency].add(place, record.value)
        if own := _own(record, self.with_stages):
            joined = self._traits[place] | own
            self._traits[place] = self._same_traits.setdefault(joined, joined)
        if record.sensitivity:
            words = self._sensitivities.get(place, frozenset()) | {record.sensitivity}
            self._sensitivities[place] = self._same_words.setdefault(words, words)
        if record.owner_pool not in self._pools[place]:
            pools = self._pools[place] | {record.owner_pool}
            self._pools[place] = self._same_words.setdefault(pools, pools)
        if self.wanted:
            for name in {str(record.id), record.family, record.family_name.casefold()}.intersection(self.wanted):
                self.found[name].add(record.family)

    def pools(self, family: str) -> frozenset[str]:
        """Return the owner pools of a family's records."""
        return self._pools[self._places[family]]

    def all_pools(self) -> frozenset[str]:
        """Return the owner pools of all records."""
        return frozenset().union(*set(self._pools))

    @property
    def currencies(self) -> frozenset[str]:
        """The currencies of all values."""
        return frozenset(self._amounts)

    def items(self, shared: Traits = NONE, table: Rates | None = None) -> Iterator[AllocationItem]:
        """Yield the families for allocation, with values by the company's rates.

        Without a rate for each currency, a currency weighs as much as it has records. `shared`: traits that every
        client has, such as the leaver's team.
        """
        factors = (
            [(amounts, table.value(Decimal(1), currency)) for currency, amounts in self._amounts.items()]
            if table and not table.unknown(self._amounts)
            else self._by_records()
        )
        for family, place in self._places.items():
            yield AllocationItem(
                family,
                sum((amounts[place] * factor for amounts, factor in factors), Decimal(0)),
                self._records[place],
                self._traits[place] | shared if shared else self._traits[place],
                self._pools[place],
            )

    def _by_records(self) -> list[tuple[ExactAmounts, Decimal]]:
        """Return each currency's sums with the factor that makes their total the number of their records."""
        totals = {currency: sum((value for _, value in by), Decimal(0)) for currency, by in self._amounts.items()}
        return [
            (self._amounts[currency], sum(self._records[place] for place, _ in self._amounts[currency]) / total)
            for currency, total in totals.items()
            if total
        ]

    def shares(self, chosen: Mapping[str, str]) -> dict[str, ShareTotals]:
        """Return the share of each successor. A family without one is in no share."""
        records, families, deals = Counter[str](), Counter[str](), Counter[str]()
        value: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        keys = [chosen.get(family, "") for family in self._places]
        for key, number, open_deals in zip(keys, self._records, self._deals, strict=True):
            records[key] += number
            families[key] += 1
            deals[key] += open_deals
        for currency, amounts in self._amounts.items():
            for place, amount in amounts:
                value[keys[place]][currency] += amount
        return {key: ShareTotals(records[key], families[key], dict(value[key]), deals[key]) for key in families if key}

    def sensitive(self, chosen: Mapping[str, str]) -> dict[str, int]:
        """Return how many clients with a successor there are of each sensitivity."""
        given = (self._sensitivities.get(place, ()) for family, place in self._places.items() if family in chosen)
        return dict(Counter(word for words in given for word in words))


def _own(record: Record, with_stage: bool) -> Traits:
    stage = record.stage.casefold() if with_stage and record.open else ""
    if not (record.traits or record.co_owners or record.sensitivity or stage):
        return NONE
    known = {
        (name, value.strip().casefold())
        for name, values in record.traits.items()
        for value in values.split(";")
        if value.strip()
    }
    known |= {("co_owner", str(account)) for account in record.co_owners}
    known |= {("stage", stage)} if stage else set()
    return frozenset(known | ({("sensitivity", record.sensitivity.casefold())} if record.sensitivity else set()))


@dataclass(frozen=True, slots=True)
class AllocationPolicy:
    """The company's policy, for every case alike. Colleagues are named by address in lower case."""

    rules: tuple[AllocationRule, ...] = ()
    colleagues: Mapping[str, AllocationTarget] = field(default_factory=dict)
    rates: Rates | None = None
    counts_present_load: bool = False
    """True if the records that a successor owns already count."""

    @property
    def with_stages(self) -> bool:
        """True if a rule is about the stage of a deal."""
        return any(name == "stage" for rule in self.rules for name, _value in rule.traits)

    def team(self, address: str) -> Traits:
        """Return the leaver's team as a trait of every one of their clients."""
        known = self.colleagues.get(address.lower())
        return frozenset(trait for trait in known.traits if trait[0] == "team") if known else frozenset()


@dataclass(frozen=True, slots=True)
class AllocationRequest:
    """The request of one case: `rows` come before the strategy, and `given` (families already given) before all."""

    policy: AllocationPolicy
    strategy: Strategy
    leaver: str
    """The leaver's address."""
    rows: Sequence[AssignmentRow] = ()
    given: Mapping[str, str] = field(default_factory=dict)
    named_only: Collection[str] = ()
    """Keys of the successors who get the clients that are given to them by name, and no share of the others."""
    owned: Mapping[str, int] = field(default_factory=dict)
    """Number of records that each successor owns already, by key; empty if they do not count."""
    today: date | None = None

    @property
    def names(self) -> frozenset[str]:
        """The ids and names in the file."""
        return frozenset(row.name for row in self.rows)


OwnerFaults = Mapping[str, Mapping[str, str]]
"""Reasons for which each successor cannot own records, by owner pool: stored sentences, only where there is one."""


def split(
    families: FamilyTotals,
    accounts: Mapping[str, AccountId],
    owner_faults: OwnerFaults,
    request: AllocationRequest,
    system: str,
) -> tuple[Split, list[LineFault], set[int]]:
    """Split one system's book; return also the faults of the file, and the lines that name a client of this system."""
    mapping, faults, hits = resolve(families, accounts, owner_faults, request.rows, system)
    barred = {key: frozenset(owner_faults.get(key, ())) for key in accounts}
    known = [request.policy.colleagues.get(key, AllocationTarget(key)) for key in accounts]
    targets = [
        replace(
            target,
            traits=target.traits | {("co_owner", str(accounts[target.key]))},
            barred=barred[target.key],
            named_only=target.key in request.named_only,
            owned=request.owned.get(target.key, 0),
        )
        for target in known
    ]
    given = {family: key for family, key in request.given.items() if not families.pools(family) & barred[key]}
    policy = request.policy
    items = families.items(policy.team(request.leaver), policy.rates)
    done = allocate(items, targets, request.strategy, rules=policy.rules, mapping={**mapping, **given})
    compared = rates.notes(policy.rates, families.currencies, request.today) if request.strategy in BY_VALUE else ()
    return replace(done, notes=(*done.notes, *compared)), faults, hits


def owner_fault(owner_faults: OwnerFaults, key: str, pools: Collection[str]) -> str:
    """Return the first reason, stored, for which a successor cannot own records of these pools; empty if they can."""
    return next((why for pool, why in owner_faults.get(key, {}).items() if pool in pools), "")


def unowned(families: FamilyTotals, chosen: Mapping[str, str], owner_faults: OwnerFaults) -> dict[str, Sequence[str]]:
    """Return the families that none of the successors can own, each with the reasons."""
    known: dict[frozenset[str], Sequence[str]] = {}
    found = {}
    for family in families:
        if family not in chosen:
            pools = families.pools(family)
            if pools not in known:
                reasons = [owner_fault(owner_faults, key, pools) for key in owner_faults]
                known[pools] = list(dict.fromkeys(filter(None, reasons)))
            found[family] = known[pools]
    return found


def resolve(
    families: FamilyTotals,
    accounts: Mapping[str, AccountId],
    owner_faults: OwnerFaults,
    rows: Sequence[AssignmentRow],
    system: str,
) -> tuple[dict[str, str], list[LineFault], set[int]]:
    """Return a successor by family, the faults of lines, and the lines that name a client of this system."""
    mapping: dict[str, tuple[str, int]] = {}
    faults: list[LineFault] = []
    hits: set[int] = set()
    for row in rows:
        found = sorted(families.found.get(row.name, ())) if row.system in ("", system) else []
        if not found:
            continue
        hits.add(row.line)
        if len(found) > 1:
            faults.append(LineFault(row.line, ambiguous(len(found))))
        elif row.address not in accounts:
            fault = _("{address} is no successor with an active account in {system}")
            faults.append(LineFault(row.line, fault.format(address=row.address, system=system)))
        elif why := owner_fault(owner_faults, row.address, families.pools(found[0])):
            faults.append(LineFault(row.line, cannot_own(row, why)))
        elif mapping.setdefault(found[0], (row.address, row.line))[0] != row.address:
            faults.append(LineFault(row.line, contradiction(row, *mapping[found[0]])))
    return {family: key for family, (key, _line) in mapping.items()}, faults, hits
