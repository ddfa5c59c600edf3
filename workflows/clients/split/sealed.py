"""The sealed data of a proposal: its lines, the successors' shares and accounts, its reason, and who settled it."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter
from pydantic_core import to_json

from config.text import shown, stored
from connectors.contract import AccountId, Record
from workflows.clients.introduction_policy import IntroductionPlan
from workflows.clients.views import RecordLine, Share
from workflows.people import Successor
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, AssignmentState, Proposal
from workflows.storage.vault import Vault

T = TypeVar("T")


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """Return the conversion between a dataclass and the plain JSON data that is sealed."""
    return TypeAdapter(kind)


def load(kind: Callable[..., T], plain: Any) -> T:
    """Return decrypted JSON data as its dataclass."""
    data: T = adapter(kind).validate_python(plain)
    return data


@dataclass(frozen=True, slots=True)
class LineData:
    """The sealed data of an assignment; `note`: a stored sentence, why it was not moved or cannot be."""

    name: str
    family_name: str
    value: Decimal
    currency: str
    stage: str
    open: bool
    note: str = ""
    sensitivity: str = ""
    owner_pool: str = ""


def line_context(row: str) -> str:
    """Return the context that a line is sealed for."""
    return f"assignment:{row}"


def line_id(case_id: str, system: str, record: str) -> str:
    """Return the one id that a record has in a case."""
    return f"{case_id}:{system}:{record}"


def unseal_line(vault: Vault, case: Case, row: Assignment) -> LineData:
    """Decrypt a line."""
    return load_line(vault.open(case.wrapped_key, row.sealed, line_context(row.id)))


def load_line(plain: Sequence[Any]) -> LineData:
    """Return a line from its decrypted JSON, a list in the order of the fields: a large book has many lines."""
    name, family_name, value, *others = plain
    return LineData(name, family_name, Decimal(value), *others)


def _plain_line(line: LineData | Record, note: str) -> Sequence[Any]:
    shown = line.name, line.family_name, str(line.value), line.currency, line.stage, line.open, note, line.sensitivity
    return *shown, line.owner_pool


def seal_note(vault: Vault, case: Case, row: Assignment, note: str) -> bytes:
    """Encrypt a line anew, with a note why it was not moved."""
    plain = _plain_line(unseal_line(vault, case, row), note)
    return vault.seal(case.wrapped_key, plain, line_context(row.id))


def draft_line(
    seal: Callable[[Any, str], bytes], case_id: str, system: str, proposal: str, record: Record
) -> dict[str, Any]:
    """Return the columns of a record's row, for a bulk insert. The record has no successor yet.

    `seal` is the vault's sealer for the case. A record whose owner nobody can change never has a successor.
    """
    row = line_id(case_id, system, record.id)
    return {
        "id": row,
        "case_id": case_id,
        "proposal_id": proposal,
        "system": system,
        "record_id": record.id,
        "kind": record.kind,
        "family": record.family,
        "owner": record.owner,
        "successor": "",
        "state": AssignmentState.EXCLUDED if record.fixed else AssignmentState.PROPOSED,
        "owner_after": "",
        "moved_at": None,
        "sealed": seal(_plain_line(record, stored(record.fixed)), line_context(row)),
    }


def show_line(vault: Vault, case: Case, row: Assignment, successor: Successor) -> RecordLine:
    """Return a line as people see it."""
    data = unseal_line(vault, case, row)
    return RecordLine(
        row.system,
        row.kind,
        data.name,
        data.family_name,
        data.value,
        data.currency,
        data.stage,
        row.id,
        row.record_id,
        data.open,
        successor,
        AssignmentState(row.state),
        shown(data.note),
        row.family,
        data.sensitivity,
    )


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
    split_notes: tuple[str, ...] = ()
    """Stored sentences on this very split; an edit writes them anew."""
    owner_faults: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    """By system: why successors cannot own records of some owner pools, by key and pool, when the book was listed."""
    introductions: Mapping[str, IntroductionPlan] = field(default_factory=dict)
    """By system: how its clients are told after the move. Without a plan, they are not."""

    @property
    def records(self) -> int:
        """The number of lines."""
        return sum(totals.records for by_key in self.shares.values() for totals in by_key.values())

    def total(self, key: str) -> ShareTotals:
        """Return a successor's share over all systems."""
        whole = ShareTotals()
        for by_key in self.shares.values():
            whole = whole.plus(by_key.get(key, ShareTotals()))
        return whole

    def merge(self, other: "ProposalData") -> "ProposalData":
        """Join the data of two systems' drafts."""
        return replace(
            self,
            notes=(*self.notes, *other.notes),
            accounts={**self.accounts, **other.accounts},
            shares={**self.shares, **other.shares},
            sensitivities={**self.sensitivities, **other.sensitivities},
            split_notes=(*self.split_notes, *other.split_notes),
            owner_faults={**self.owner_faults, **other.owner_faults},
            introductions={**self.introductions, **other.introductions},
        )


def successor_shares(
    data: ProposalData, successors: Sequence[Successor], moved: Mapping[str, int]
) -> tuple[Share, ...]:
    """Return the shares of the successors with records, as people see them. `moved`: records moved so far, by key."""
    totals = [(successor, data.total(successor.key)) for successor in successors]
    return tuple(
        Share(successor, total.records, total.families, total.value, moved.get(successor.key, 0), total.deals)
        for successor, total in totals
        if total.records
    )


def seal_proposal(vault: Vault, case: Case, proposal_id: str, data: ProposalData) -> bytes:
    """Encrypt a proposal's data for its row."""
    plain = adapter(ProposalData).dump_python(data, mode="json")
    return vault.seal(case.wrapped_key, plain, f"proposal:{proposal_id}")


def unseal_proposal(vault: Vault, case: Case, proposal: Proposal) -> ProposalData:
    """Decrypt a proposal's data."""
    plain = vault.open(case.wrapped_key, proposal.sealed, f"proposal:{proposal.id}")
    return load(ProposalData, plain)


class LineDigest:
    """Digests of lines as people are shown them: record, kind, client, owner, receiving account, value, currency.

    So is the text for clients of the line's system, if they are told.
    """

    def __init__(self, vault: Vault, data: ProposalData) -> None:
        self._accounts = {
            (system, vault.blind(key)): account for system, by in data.accounts.items() for key, account in by.items()
        }
        self._told = {system: (plan.way, plan.text, plan.company) for system, plan in data.introductions.items()}

    def of(self, row: Any, line: LineData) -> str:
        """Return the digest of a row with its unsealed data. Raises `KeyError` for a successor without an account."""
        facts = (
            row.system,
            row.record_id,
            row.kind,
            row.family,
            row.owner,
            self._accounts[row.system, row.successor],
            str(line.value),
            line.currency,
            *self._told.get(row.system, ()),
        )
        return hashlib.blake2b(to_json(facts), digest_size=12).hexdigest()


def digest_of(lines: Sequence[str]) -> str:
    """Return the digest of a proposal: of all its lines, in order."""
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def seal_digests(vault: Vault, case: Case, proposal_id: str, lines: Sequence[str]) -> bytes:
    """Encrypt the digests of a proposal's lines for its row."""
    return vault.seal(case.wrapped_key, "".join(lines), f"lines:{proposal_id}")


def unseal_digests(vault: Vault, case: Case, proposal: Proposal) -> list[str]:
    """Decrypt the digests of a proposal's lines; none for a proposal of version 0.2.0."""
    if not proposal.lines:
        return []
    text = vault.open(case.wrapped_key, proposal.lines, f"lines:{proposal.id}")
    return [text[start : start + 24] for start in range(0, len(text), 24)]
