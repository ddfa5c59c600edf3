"""What is wished for one case, as it was kept when the case was opened."""

from sqlmodel import Session

from workflows.cases import CaseData
from workflows.handover.desk import Desk
from workflows.handover.wishes import Wanted
from workflows.mapping import Row
from workflows.model import Allotment, Case, Strategy
from workflows.vault import Vault


def keep(vault: Vault, session: Session, case: Case, rows: tuple[Row, ...]) -> None:
    """Keep what a file named, in the transaction that opens the case."""
    plain = [[row.line, row.system, row.record, row.client_id, row.client, row.address] for row in rows]
    sealed = vault.seal(case.wrapped_key, plain, f"allotment:{case.id}")
    session.add(Allotment(id=case.id, case_id=case.id, sealed=sealed))


def wanted(desk: Desk, session: Session, case: Case, data: CaseData) -> Wanted:
    """Return it."""
    kept = session.get(Allotment, case.id)
    rows = desk.vault.open(case.wrapped_key, kept.sealed, f"allotment:{case.id}") if kept else []
    return Wanted(desk.wishes, Strategy(case.strategy), data.leaver.email, tuple(Row(*row) for row in rows))
