"""One line of a proposal: a record, sealed and read back."""

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
    """What an assignment keeps sealed; `note`: a stored sentence, why it was not moved or cannot be."""

    name: str
    family_name: str
    value: Decimal
    currency: str
    stage: str
    open: bool
    note: str = ""
    sensitivity: str = ""


def line_id(case_id: str, system: str, record: str) -> str:
    """Return the one id that a record has in a case."""
    return f"{case_id}:{system}:{record}"


def seal(vault: Vault, case: Case, row: str, data: LineData) -> bytes:
    """Encrypt a line for its row."""
    plain = {
        "name": data.name,
        "family_name": data.family_name,
        "value": str(data.value),
        "currency": data.currency,
        "stage": data.stage,
        "open": data.open,
        "note": data.note,
        "sensitivity": data.sensitivity,
    }
    return vault.seal(case.wrapped_key, plain, f"assignment:{row}")


def unseal(vault: Vault, case: Case, row: Assignment) -> LineData:
    """Decrypt a line."""
    return loaded(vault.open(case.wrapped_key, row.sealed, f"assignment:{row.id}"))


def loaded(plain: dict[str, Any]) -> LineData:
    """Return a line from its decrypted JSON."""
    return LineData(**{**plain, "value": Decimal(plain["value"])})


def draft(vault: Vault, case: Case, system: str, proposal: str, record: Record) -> Assignment:
    """Return the row of a record that has no successor yet; one whose owner nobody can change will never have one."""
    row = line_id(case.id, system, record.id)
    data = LineData(
        record.name,
        record.family_name,
        record.value,
        record.currency,
        record.stage,
        record.open,
        record.fixed,
        record.sensitivity,
    )
    return Assignment(
        id=row,
        case_id=case.id,
        proposal_id=proposal,
        system=system,
        record_id=record.id,
        kind=record.kind,
        family=record.family,
        owner=record.owner,
        successor="",
        sealed=seal(vault, case, row, data),
        state=AssignmentState.EXCLUDED if record.fixed else AssignmentState.PROPOSED,
    )


def show(vault: Vault, case: Case, row: Assignment, successor: Successor) -> RecordLine:
    """Return the line as people see it."""
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
    """Return the line with why it was not moved."""
    return replace(data, note=note)
