"""The sealed data of a proposal beside its lines: shares, successors' accounts, its reason, and who settled it."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from typing import Any

from connectors.contract import AccountId
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Proposal
from workflows.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class ShareTotals:
    """One successor's share in one system; `value` is that of open records, by currency."""

    records: int = 0
    families: int = 0
    value: Mapping[str, Decimal] = field(default_factory=dict)
    deals: int = 0
    """Open deals among the records."""

    def plus(self, other: "ShareTotals", sign: int = 1) -> "ShareTotals":
        """Return the sum, or with `sign` -1 the difference."""
        value = defaultdict(Decimal, self.value)
        for currency, amount in other.value.items():
            value[currency] += sign * amount
        return ShareTotals(
            self.records + sign * other.records,
            self.families + sign * other.families,
            dict(value),
            self.deals + sign * other.deals,
        )


@dataclass(frozen=True, slots=True)
class ProposalData:
    """The sealed part of a proposal. Successors are named by their key."""

    why: str
    notes: tuple[str, ...] = ()
    accounts: Mapping[str, Mapping[str, AccountId]] = field(default_factory=dict)
    """By system: each successor's account there."""
    shares: Mapping[str, Mapping[str, ShareTotals]] = field(default_factory=dict)
    """By system: each successor's share."""
    settled_by: str = ""
    words: str = ""
    sensitivities: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By system: the number of clients of each sensitivity."""

    def settled(self, name: str, words: str) -> "ProposalData":
        """Return the data with the person who settled the proposal, and their words."""
        return replace(self, settled_by=name, words=words)

    @property
    def records(self) -> int:
        """The number of lines."""
        return sum(tally.records for by in self.shares.values() for tally in by.values())

    def total(self, key: str) -> ShareTotals:
        """Return a successor's share over all systems."""
        whole = ShareTotals()
        for shares in self.shares.values():
            whole = whole.plus(shares.get(key, ShareTotals()))
        return whole

    def merge(self, other: "ProposalData") -> "ProposalData":
        """Join the data of two systems' drafts."""
        return replace(
            self,
            notes=(*self.notes, *other.notes),
            accounts={**self.accounts, **other.accounts},
            shares={**self.shares, **other.shares},
            sensitivities={**self.sensitivities, **other.sensitivities},
        )


def seal(vault: Vault, case: Case, proposal: str, sheet: ProposalData) -> bytes:
    """Encrypt a proposal's data for its row."""
    shares = {
        system: {
            key: {**asdict(tally), "value": {c: str(v) for c, v in tally.value.items()}} for key, tally in by.items()
        }
        for system, by in sheet.shares.items()
    }
    plain = {
        "why": sheet.why,
        "notes": sheet.notes,
        "accounts": {s: dict(a) for s, a in sheet.accounts.items()},
        "shares": shares,
        "settled_by": sheet.settled_by,
        "words": sheet.words,
        "sensitivities": {system: dict(by) for system, by in sheet.sensitivities.items()},
    }
    return vault.seal(case.wrapped_key, plain, f"proposal:{proposal}")


def unseal(vault: Vault, case: Case, proposal: Proposal) -> ProposalData:
    """Decrypt a proposal's data."""
    plain: dict[str, Any] = vault.open(case.wrapped_key, proposal.sealed, f"proposal:{proposal.id}")
    shares = {
        system: {
            key: ShareTotals(t["records"], t["families"], {c: Decimal(v) for c, v in t["value"].items()}, t["deals"])
            for key, t in by.items()
        }
        for system, by in plain["shares"].items()
    }
    return ProposalData(
        plain["why"],
        tuple(plain["notes"]),
        plain["accounts"],
        shares,
        plain["settled_by"],
        plain["words"],
        plain["sensitivities"],
    )
