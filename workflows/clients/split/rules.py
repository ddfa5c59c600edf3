"""What the company and a case wish for a split: rules, what is known of colleagues, and what a file names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from config.text import _
from connectors.contract import AccountId
from workflows.clients.split.allocation import AllocationRule, AllocationTarget, Split, Traits, allocate
from workflows.clients.split.assignment_file import AssignmentRow
from workflows.clients.split.families import FamilyTotals
from workflows.clients.views import LineFault
from workflows.storage.rows.case import Strategy


@dataclass(frozen=True, slots=True)
class SuccessorProfile:
    """What the settings know of somebody: how many clients they may get, and what brings them close to some."""

    capacity: int | None = None
    traits: Traits = frozenset()


@dataclass(frozen=True, slots=True)
class AllocationPolicy:
    """The company's own: for every case alike. Colleagues by address in lower case."""

    rules: tuple[AllocationRule, ...] = ()
    colleagues: Mapping[str, SuccessorProfile] = field(default_factory=dict)

    def team(self, address: str) -> Traits:
        """Return the leaver's team as a trait of every one of their clients."""
        known = self.colleagues.get(address.lower())
        return frozenset(one for one in known.traits if one[0] == "team") if known else frozenset()


@dataclass(frozen=True, slots=True)
class AllocationRequest:
    """What is wished for one case: `rows` come before the strategy, and `given` (families already given) before all."""

    policy: AllocationPolicy
    strategy: Strategy
    leaver: str
    """The leaver's address."""
    rows: Sequence[AssignmentRow] = ()
    given: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """The ids and names that the file speaks of."""
        return frozenset(row.name for row in self.rows)


def split(
    families: FamilyTotals, accounts: Mapping[str, AccountId], wanted: AllocationRequest, system: str
) -> tuple[Split, list[LineFault], set[int]]:
    """Split one system's book; return also what is wrong with lines of the file, and which lines found a client."""
    mapping, faults, hits = resolve(families, accounts, wanted.rows, system)
    people = [_taker(key, str(account), wanted.policy) for key, account in accounts.items()]
    items = families.items(wanted.policy.team(wanted.leaver))
    done = allocate(items, people, wanted.strategy, rules=wanted.policy.rules, mapping={**mapping, **wanted.given})
    return done, faults, hits


def _taker(key: str, account: str, wishes: AllocationPolicy) -> AllocationTarget:
    known = wishes.colleagues.get(key, SuccessorProfile())
    return AllocationTarget(key, known.capacity, known.traits | {("co_owner", account)})


def resolve(
    families: FamilyTotals, accounts: Mapping[str, AccountId], rows: Sequence[AssignmentRow], system: str
) -> tuple[dict[str, str], list[LineFault], set[int]]:
    """Return a successor by family, what is wrong with lines, and which lines are about a client of this system."""
    mapping: dict[str, tuple[str, int]] = {}
    faults: list[LineFault] = []
    hits: set[int] = set()
    for row in rows:
        found = sorted(families.found.get(row.name, ())) if row.system in ("", system) else []
        if not found:
            continue
        hits.add(row.line)
        earlier = mapping.get(found[0])
        if len(found) > 1:
            faults.append(
                LineFault(
                    row.line, _("{count} clients have this name: name them by “client id”").format(count=len(found))
                )
            )
        elif row.address not in accounts:
            faults.append(
                LineFault(
                    row.line,
                    _("{address} is no successor with an active account in {system}").format(
                        address=row.address, system=system
                    ),
                )
            )
        elif earlier and earlier[0] != row.address:
            faults.append(
                LineFault(
                    row.line,
                    _("gives a client to {one} that line {line} gives to {other}: a client stays whole").format(
                        one=row.address, line=earlier[1], other=earlier[0]
                    ),
                )
            )
        else:
            mapping.setdefault(found[0], (row.address, row.line))
    return {family: key for family, (key, _line) in mapping.items()}, faults, hits
