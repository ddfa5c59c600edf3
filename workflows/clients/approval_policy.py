"""Approval policy: the approvals that a proposal needs, by its content and the company's rules. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from workflows.clients.rates import Rates
from workflows.people import Leaver, Successor


class ApprovalRole(StrEnum):
    """Built-in roles of approvers; an additional approval has its rule's name as role."""

    MANAGER = "manager"
    """The approver that the case names."""
    RECEIVER = "receiver"
    """A successor who must agree to their own share."""


@dataclass(frozen=True, slots=True)
class AdditionalApproval:
    """Additional approval rule: applies where any of its conditions holds; without conditions, always."""

    name: str
    people: tuple[str, ...]
    """Ids of the users and user groups who may decide."""
    quorum: int = 1
    above_clients: int | None = None
    above_value: Mapping[str, Decimal] = field(default_factory=dict)
    sensitivity: tuple[str, ...] = ()
    escalate_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """The company's approval rules; times are business days of each approver's calendar."""

    receivers: bool = False
    rules: tuple[AdditionalApproval, ...] = ()
    escalate_to: tuple[str, ...] = ()
    remind_days: int = 1
    escalate_days: int = 3
    expire_days: int = 10
    calendars: Mapping[str, str] = field(default_factory=dict)
    """Country by time zone."""
    country: str = ""
    """The company's country, for time zones without a calendar."""
    zone: str = "UTC"
    """Time zone of people whose own is not known."""
    rates: Rates | None = None
    """Rates of exchange, for a currency without a limit of its own."""
    tell_receivers: bool = False
    """True to tell successors of clients that will come to them on a later day."""

    def chain(self, role: str) -> tuple[str, ...]:
        """Return the escalation list of a role, in order."""
        return next((rule.escalate_to for rule in self.rules if rule.name == role), ()) or self.escalate_to


@dataclass(frozen=True, slots=True)
class ProposalSummary:
    """The part of a proposal that the policy depends on."""

    clients: int
    value: Mapping[str, Decimal]
    """Value of open records by currency."""
    shares: tuple[str, ...] = ()
    """Keys of the successors who receive records."""
    tiers: frozenset[str] = frozenset()
    """Sensitivity tiers of the clients."""


@dataclass(frozen=True, slots=True)
class RequiredApproval:
    """One approval that a proposal needs: from `people` by name, or from a quorum of the users and groups in `pool`."""

    role: str
    people: tuple[Successor, ...] = ()
    pool: tuple[str, ...] = ()
    quorum: int = 1
    share: str = ""
    """Key of the successor whose share this is about; empty: the whole proposal."""


def required(
    summary: ProposalSummary,
    policy: ApprovalPolicy,
    leaver: Leaver,
    approver: Successor,
    successors: Sequence[Successor],
) -> tuple[RequiredApproval, ...]:
    """Return the approvals that a proposal needs, the case's approver first. The leaver is never asked, others once."""
    rules = (
        RequiredApproval(rule.name, pool=rule.people, quorum=rule.quorum)
        for rule in policy.rules
        if _applies(rule, summary, policy.rates)
    )
    receivers = (
        RequiredApproval(ApprovalRole.RECEIVER, (successor,), share=successor.key)
        for successor in successors
        if policy.receivers and successor.key in summary.shares
        if not same_person(successor, approver) and not is_leaver(successor, leaver)
    )
    return RequiredApproval(ApprovalRole.MANAGER, (approver,)), *rules, *receivers


def same_person(person: Successor, other: Successor) -> bool:
    """Return whether both are one person: one Slack account, or one address."""
    address = person.email.casefold()
    return bool(person.slack_id and person.slack_id == other.slack_id) or bool(
        address and address == other.email.casefold()
    )


def is_leaver(person: Successor, leaver: Leaver) -> bool:
    """Return whether this is the leaver, under any account with the leaver's address."""
    return same_person(person, Successor("", leaver.name, leaver.email, leaver.slack_id))


def _applies(rule: AdditionalApproval, summary: ProposalSummary, rates: Rates | None) -> bool:
    if rule.above_clients is None and not rule.above_value and not rule.sensitivity:
        return True
    many = rule.above_clients is not None and summary.clients > rule.above_clients
    sensitive = {tier.casefold() for tier in summary.tiers}.intersection(map(str.casefold, rule.sensitivity))
    return many or _above_value(rule, summary, rates) or bool(sensitive)


def _above_value(rule: AdditionalApproval, summary: ProposalSummary, rates: Rates | None) -> bool:
    """Return whether the value is above the limits, added up as parts of them.

    A currency without a limit is converted into one that has a limit. Without a rate it counts as above.
    """
    if not rule.above_value:
        return False
    parts = [_part(rule, currency, amount, rates) for currency, amount in summary.value.items() if amount > 0]
    return sum(parts, Decimal(0)) > 1


def _part(rule: AdditionalApproval, currency: str, amount: Decimal, rates: Rates | None) -> Decimal:
    """Return an amount as a part of its limit; above any limit if there is none and no rate leads to one."""
    limits = rule.above_value
    if currency in limits:
        return amount / limits[currency]
    if rates and not rates.unknown([currency]):
        known = next((one for one in limits if not rates.unknown([one])), "")
        if known:
            return rates.value(amount, currency, known) / limits[known]
    return Decimal("Infinity")
