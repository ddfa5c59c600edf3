"""Who must agree to a proposal, from what is in it and the company's rules. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from workflows.people import Leaver, Successor
from workflows.ports import WorkspaceDirectory

MANAGER, RECEIVER = "manager", "receiver"
"""The one whom the case names as approver; a colleague who must agree to their own share."""


@dataclass(frozen=True, slots=True)
class AdditionalApproval:
    """More people who must agree: any condition that holds asks them; a rule without conditions always does."""

    name: str
    people: tuple[str, ...]
    """Ids of users and user groups: those who may decide."""
    quorum: int = 1
    above_clients: int | None = None
    above_value: Mapping[str, Decimal] = field(default_factory=dict)
    sensitivity: tuple[str, ...] = ()
    escalate_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """The company's rules; times are business days of the calendar of whoever is asked."""

    receivers: bool = False
    rules: tuple[AdditionalApproval, ...] = ()
    escalate_to: tuple[str, ...] = ()
    remind_days: int = 1
    escalate_days: int = 3
    expire_days: int = 10
    calendars: Mapping[str, str] = field(default_factory=dict)
    """Country by time zone."""
    country: str = ""
    """The company's own, for people whose zone is not named."""
    zone: str = "UTC"
    """For people whose own is not known."""

    def calendar(self, zone: str) -> str:
        """Return the country whose holidays count in a time zone."""
        return self.calendars.get(zone, self.country)

    def chain(self, role: str) -> tuple[str, ...]:
        """Return who is asked next, in this order, where nobody answers for a role."""
        own = next((rule.escalate_to for rule in self.rules if rule.name == role), ())
        return own or self.escalate_to


@dataclass(frozen=True, slots=True)
class ProposalSummary:
    """What the policy looks at in a proposal."""

    clients: int
    value: Mapping[str, Decimal]
    """Value of open records by currency."""
    shares: tuple[str, ...] = ()
    """Keys of the successors who receive anything."""
    tiers: frozenset[str] = frozenset()
    """Sensitivity tiers of which there is any client."""


@dataclass(frozen=True, slots=True)
class RequiredApproval:
    """One request for approval. `people`: who is asked by name; `pool`: ids of users and groups of whom `need` must."""

    role: str
    people: tuple[Successor, ...] = ()
    pool: tuple[str, ...] = ()
    quorum: int = 1
    share: str = ""
    """Key of the successor whose share this is about; empty: the whole."""


def required(
    summary: ProposalSummary,
    policy: ApprovalPolicy,
    leaver: Leaver,
    approver: Successor,
    successors: Sequence[Successor],
) -> tuple[RequiredApproval, ...]:
    """Return who must agree. The case's approver always comes first; nobody is asked as two, and never the leaver."""
    needs = [RequiredApproval(MANAGER, (approver,))]
    needs += [
        RequiredApproval(rule.name, pool=rule.people, quorum=rule.quorum)
        for rule in policy.rules
        if _applies(rule, summary)
    ]
    if policy.receivers:
        takers = [one for one in successors if one.key in summary.shares and not same_person(one, approver)]
        needs += [RequiredApproval(RECEIVER, (one,), share=one.key) for one in takers if not is_leaver(one, leaver)]
    return tuple(needs)


def same_person(one: Successor, other: Successor) -> bool:
    """Whether these are one person: one Slack account, or one address."""
    address = one.email.casefold()
    return bool(one.slack_id and one.slack_id == other.slack_id) or bool(address and address == other.email.casefold())


def is_leaver(one: Successor, leaver: Leaver) -> bool:
    """Whether this is the person who leaves, under any account that shows their address."""
    return same_person(one, Successor("", leaver.name, leaver.email, leaver.slack_id))


def _applies(rule: AdditionalApproval, summary: ProposalSummary) -> bool:
    if rule.above_clients is None and not rule.above_value and not rule.sensitivity:
        return True
    many = rule.above_clients is not None and summary.clients > rule.above_clients
    return many or _worth(rule, summary) or _sensitive(rule, summary)


def _sensitive(rule: AdditionalApproval, summary: ProposalSummary) -> bool:
    return not {tier.casefold() for tier in summary.tiers}.isdisjoint(tier.casefold() for tier in rule.sensitivity)


def _worth(rule: AdditionalApproval, summary: ProposalSummary) -> bool:
    """Whether the value is above the limits, as parts of them; a currency without a limit is above any."""
    if not rule.above_value:
        return False
    amounts = {currency: amount for currency, amount in summary.value.items() if amount > 0}
    if amounts.keys() - rule.above_value.keys():
        return True
    return sum((amount / rule.above_value[currency] for currency, amount in amounts.items()), Decimal(0)) > 1


@dataclass(frozen=True, slots=True)
class ApprovalContext:
    """The company's rules on who decides, and the directory that says who is there."""

    members: WorkspaceDirectory
    policy: ApprovalPolicy = field(default_factory=ApprovalPolicy)
