"""The split that was requested for one case when it was opened."""

from collections.abc import Sequence

from sqlmodel import Session

from config.text import _
from workflows.clients.context import ClientContext
from workflows.clients.split import assignment_file
from workflows.clients.split.assignment_file import AssignmentRow
from workflows.clients.split.rules import AllocationRequest
from workflows.clients.views import LineFault
from workflows.people import Successor
from workflows.storage.case import CaseData
from workflows.storage.rows.case import Case, Strategy
from workflows.storage.rows.clients import AssignmentFile
from workflows.storage.vault import Vault


def keep(vault: Vault, session: Session, case: Case, rows: tuple[AssignmentRow, ...]) -> None:
    """Store the rows of an assignment file, in the transaction that opens the case."""
    plain = [[row.line, row.system, row.record, row.client_id, row.client, row.address] for row in rows]
    sealed = vault.seal(case.wrapped_key, plain, f"allotment:{case.id}")
    session.add(AssignmentFile(id=case.id, case_id=case.id, sealed=sealed))


def named(content: bytes, successors: Sequence[Successor]) -> tuple[AssignmentRow, ...]:
    """Return the rows of an assignment file. Raises `InvalidAssignmentFile`, also for an unknown successor."""
    rows = assignment_file.read(content) if content else ()
    known = {one.key for one in successors}
    unknown = _("{address} is not among those who receive clients")
    assignment_file.refuse(
        [LineFault(row.line, unknown.format(address=row.address[:80])) for row in rows if row.address not in known]
    )
    return rows


def allocation_request(context: ClientContext, session: Session, case: Case, data: CaseData) -> AllocationRequest:
    """Return the request for the split of a case: the company's rules, its strategy, and its assignment file."""
    kept = session.get(AssignmentFile, case.id)
    rows = context.vault.open(case.wrapped_key, kept.sealed, f"allotment:{case.id}") if kept else []
    return AllocationRequest(
        context.allocation_policy,
        Strategy(case.strategy),
        data.leaver.email,
        tuple(AssignmentRow(*row) for row in rows),
    )
