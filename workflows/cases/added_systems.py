"""Systems added to the configuration after a case was opened: open cases cover them, too."""

from collections.abc import Mapping

from sqlmodel import Session, col, select

from config.text import N_, _
from connectors.contract import Verdict
from workflows.access import manual_step, restriction
from workflows.access.views import SystemLine
from workflows.ports import Clock
from workflows.storage.case import refresh_case_message
from workflows.storage.journal import HANDOVER, Journal
from workflows.storage.rows.access import Access, ManualStep
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.work_state import WorkState
from workflows.storage.store import Store
from workflows.systems.registry import System, Systems

OPEN = (CaseState.SCHEDULED, CaseState.RUNNING, CaseState.HELD)
NOT_YET = N_("not looked up yet: this system came into the configuration after the case was opened")


def add_to_open_cases(store: Store, journal: Journal, systems: Mapping[str, System], clock: Clock) -> None:
    """Add new systems to every open case, so that its lock-out covers them.

    Called at the start of the bot, when the configuration may have changed.
    """
    with store.read() as session:
        cases = session.exec(select(Case.id).where(col(Case.state).in_(OPEN))).all()
    for case_id in cases:
        with store.write(case_id) as session:
            case = session.get_one(Case, case_id, with_for_update=True)
            if case.state in OPEN:
                _add_new(session, journal, systems, case, clock)


def _add_new(session: Session, journal: Journal, systems: Mapping[str, System], case: Case, clock: Clock) -> None:
    held = case.state == CaseState.HELD
    state, due = WorkState.PLANNED if held else WorkState.DUE, max(case.effective_at, case.opened_at)
    new = [one for name, one in systems.items() if not has_work(session, f"{case.id}:{name}")]
    for system in new:
        if manual_step.work_of(system):
            step = manual_step.new(case, system.name)
            step.state = state
            session.add(step)
            continue
        session.add(Access(id=f"{case.id}:{system.name}", case_id=case.id, system=system.name, state=state, due_at=due))
        if not held:
            restriction.create_restriction(session, system, case, clock.now())
    if new:
        data = {"systems": [system.name for system in new]}
        journal.write(session, actor=HANDOVER, action="case.joined", case_id=case.id, data=data)
        refresh_case_message(session, case.id)


def lines(systems: Systems, known: set[str]) -> tuple[SystemLine, ...]:
    """Return a line for each system without work in a case: never counted as covered."""
    return tuple(
        SystemLine(
            name, system.manifest.title, Verdict.UNKNOWN, _(NOT_YET), "", None, False, None, 0, (), system.cannot
        )
        for name, system in systems.items()
        if name not in known
    )


def has_work(session: Session, row_id: str) -> bool:
    """Return whether a case has work in a system; `row_id`: `case:system`."""
    return session.get(Access, row_id) is not None or session.get(ManualStep, row_id) is not None
