"""What a book adds up to while it is read: each family's share and traits, never the records."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from connectors.contract import Record
from workflows.clients.split.allocation import AllocationItem, Traits
from workflows.clients.split.shares import ShareTotals

DEALS = frozenset({"opportunity", "deal"})
"""Kinds that are deals: the open ones are counted for people."""
NONE: Traits = frozenset()


@dataclass
class FamilyTotals:
    """What was gathered. `wanted`: ids and lower-case names that a file speaks of, to be found on the way."""

    wanted: Collection[str] = ()
    tallies: dict[str, ShareTotals] = field(default_factory=dict)
    found: dict[str, set[str]] = field(default_factory=dict)
    """The families behind each wanted id or name."""
    sensitivities: dict[str, set[str]] = field(default_factory=dict)
    _traits: dict[str, Traits] = field(default_factory=dict)
    _same: dict[Traits, Traits] = field(default_factory=dict)
    """One object for all traits that are alike: a large book has few different ones."""

    def add(self, record: Record) -> None:
        """Count one record."""
        worth = {record.currency: record.value} if record.open and record.value else {}
        deals = int(record.open and record.kind in DEALS)
        self.tallies[record.family] = self.tallies.get(record.family, ShareTotals(families=1)).plus(
            ShareTotals(1, 0, worth, deals)
        )
        if record.sensitivity:
            self.sensitivities.setdefault(record.family, set()).add(record.sensitivity)
        if own := _own(record):
            joined = self._traits.get(record.family, NONE) | own
            self._traits[record.family] = self._same.setdefault(joined, joined)
        if self.wanted:
            self._look(record)

    def _look(self, record: Record) -> None:
        for name in {str(record.id), record.family, record.family_name.casefold()}:
            if name in self.wanted:
                self.found.setdefault(name, set()).add(record.family)

    def items(self, shared: Traits = NONE) -> list[AllocationItem]:
        """Return the families for allocation; a currency weighs as much as it has records, whatever its rate.

        `shared`: traits that every client has, such as the leaver's team.
        """
        total: dict[str, Decimal] = defaultdict(Decimal)
        holders: dict[str, int] = defaultdict(int)
        for tally in self.tallies.values():
            for currency, amount in tally.value.items():
                total[currency] += amount
                holders[currency] += tally.records
        return [
            AllocationItem(
                name,
                name,
                sum((a / total[c] * holders[c] for c, a in tally.value.items() if total[c]), Decimal(0)),
                tally.records,
                self._traits.get(name, NONE) | shared if shared else self._traits.get(name, NONE),
            )
            for name, tally in self.tallies.items()
        ]

    def shares(self, chosen: Mapping[str, str]) -> dict[str, ShareTotals]:
        """Return what each successor gets."""
        shares: dict[str, ShareTotals] = defaultdict(ShareTotals)
        for family, tally in self.tallies.items():
            shares[chosen[family]] = shares[chosen[family]].plus(tally)
        return dict(shares)

    def sensitive(self) -> dict[str, int]:
        """Return how many clients there are of each sensitivity."""
        return dict(Counter(word for words in self.sensitivities.values() for word in words))


def _own(record: Record) -> Traits:
    known = {
        (name, value.strip().casefold())
        for name, values in record.traits.items()
        for value in values.split(";")
        if value.strip()
    }
    known |= {("co_owner", str(account)) for account in record.co_owners}
    return frozenset(known | ({("sensitivity", record.sensitivity.casefold())} if record.sensitivity else set()))
