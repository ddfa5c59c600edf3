"""One line of a proposal: a record, sealed and read back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from config.text import shown
from connectors.contract import Record
from workflows.clients.views import RecordLine
from workflows.people import Successor
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, AssignmentState
from workflows.storage.vault import Vault


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


def context(row: str) -> str:
    """Return the context that a line is sealed for."""
    return f"assignment:{row}"


def line_id(case_id: str, system: str, record: str) -> str:
    """Return the one id that a record has in a case."""
    return f"{case_id}:{system}:{record}"


def seal(vault: Vault, case: Case, row: str, data: LineData) -> bytes:
    """Encrypt a line for its row."""
    plain = (
        data.name,
        data.family_name,
        str(data.value),
        data.currency,
        data.stage,
        data.open,
        data.note,
        data.sensitivity,
    )
    return vault.seal(case.wrapped_key, plain, context(row))


def unseal(vault: Vault, case: Case, row: Assignment) -> LineData:
    """Decrypt a line."""
    return loaded(vault.open(case.wrapped_key, row.sealed, context(row.id)))


def loaded(plain: Sequence[Any]) -> LineData:
    """Return a line from its decrypted JSON, a list in the order of the fields: a large book has many lines."""
    name, family_name, value, *others = plain
    return LineData(name, family_name, Decimal(value), *others)


def draft(
    seal_value: Callable[[Any, str], bytes], case_id: str, system: str, proposal: str, record: Record
) -> dict[str, Any]:
    """Return the columns of a record's row, for a bulk insert. The record has no successor yet.

    `seal_value` is the vault's sealer for the case. A record whose owner nobody can change never has a successor.
    """
    row = line_id(case_id, system, record.id)
    plain = (
        record.name,
        record.family_name,
        str(record.value),
        record.currency,
        record.stage,
        record.open,
        record.fixed,
        record.sensitivity,
    )
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
        "sealed": seal_value(plain, context(row)),
    }


def show(vault: Vault, case: Case, row: Assignment, successor: Successor) -> RecordLine:
    """Return a line as people see it."""
    data = unseal(vault, case, row)
    return RecordLine(
        row.id,
        row.system,
        row.record_id,
        row.kind,
        data.name,
        data.family_name,
        data.value,
        data.currency,
        data.stage,
        data.open,
        successor,
        AssignmentState(row.state),
        shown(data.note),
        row.family,
        data.sensitivity,
    )


def noted(data: LineData, note: str) -> LineData:
    """Return the line with the reason why it was not moved."""
    return replace(data, note=note)
