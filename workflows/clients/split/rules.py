"""Rules for a split: the company's policy, known facts of colleagues, and the rows of a file."""

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
    """The settings about a colleague: the most clients, and traits that clients may share."""

    capacity: int | None = None
    traits: Traits = frozenset()


@dataclass(frozen=True, slots=True)
class AllocationPolicy:
    """The company's policy, for every case alike. Colleagues are named by address in lower case."""

    rules: tuple[AllocationRule, ...] = ()
    colleagues: Mapping[str, SuccessorProfile] = field(default_factory=dict)

    def team(self, address: str) -> Traits:
        """Return the leaver's team as a trait of every one of their clients."""
        known = self.colleagues.get(address.lower())
        return frozenset(one for one in known.traits if one[0] == "team") if known else frozenset()


@dataclass(frozen=True, slots=True)
class AllocationRequest:
    """The request of one case: `rows` come before the strategy, and `given` (families already given) before all."""

    policy: AllocationPolicy
    strategy: Strategy
    leaver: str
    """The leaver's address."""
    rows: Sequence[AssignmentRow] = ()
    given: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """The ids and names in the file."""
        return frozenset(row.name for row in self.rows)


def split(
    families: FamilyTotals, accounts: Mapping[str, AccountId], request: AllocationRequest, system: str
) -> tuple[Split, list[LineFault], set[int]]:
    """Split one system's book; return also the faults of the file, and the lines that name a client of this system."""
    mapping, faults, hits = resolve(families, accounts, request.rows, system)
    targets = [_target(key, str(account), request.policy) for key, account in accounts.items()]
    items = families.items(request.policy.team(request.leaver))
    done = allocate(items, targets, request.strategy, rules=request.policy.rules, mapping={**mapping, **request.given})
    return done, faults, hits


def _target(key: str, account: str, policy: AllocationPolicy) -> AllocationTarget:
    known = policy.colleagues.get(key, SuccessorProfile())
    return AllocationTarget(key, known.capacity, known.traits | {("co_owner", account)})


def resolve(
    families: FamilyTotals, accounts: Mapping[str, AccountId], rows: Sequence[AssignmentRow], system: str
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
