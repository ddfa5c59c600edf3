"""What is wished for one case, as it was kept when the case was opened."""

from sqlmodel import Session

from config.text import _
from workflows import mapping
from workflows.cases import CaseData
from workflows.handover.desk import Desk
from workflows.handover.wishes import Wanted
from workflows.mapping import Row
from workflows.model import Allotment, Case, Strategy
from workflows.vault import Vault
from workflows.views import LineFault, Request


def keep(vault: Vault, session: Session, case: Case, rows: tuple[Row, ...]) -> None:
    """Keep what a file named, in the transaction that opens the case."""
    plain = [[row.line, row.system, row.record, row.client_id, row.client, row.address] for row in rows]
    sealed = vault.seal(case.wrapped_key, plain, f"allotment:{case.id}")
    session.add(Allotment(id=case.id, case_id=case.id, sealed=sealed))


def named(request: Request) -> tuple[Row, ...]:
    """Return what a request's file names. Raises `Unfit`, also where it names somebody who receives nothing."""
    rows = mapping.read(request.mapping) if request.mapping else ()
    known = {one.key for one in request.successors}
    said = _("{address} is not among those who receive clients")
    strangers = [row for row in rows if row.address not in known]
    mapping.refuse([LineFault(row.line, said.format(address=row.address[:80])) for row in strangers])
    return rows


def wanted(desk: Desk, session: Session, case: Case, data: CaseData) -> Wanted:
    """Return it."""
    kept = session.get(Allotment, case.id)
    rows = desk.vault.open(case.wrapped_key, kept.sealed, f"allotment:{case.id}") if kept else []
    return Wanted(desk.wishes, Strategy(case.strategy), data.leaver.email, tuple(Row(*row) for row in rows))
