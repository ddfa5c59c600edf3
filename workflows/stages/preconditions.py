"""Preconditions of an act in one system: why it must wait now, as a sentence for people."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from config.stages import AT_NOTICE
from config.text import _, join
from workflows.access.order import comes_first
from workflows.context import Context
from workflows.stage_acts import StageAct
from workflows.stages import legal_holds
from workflows.stages.legal_holds import CONTRACT_ACTS
from workflows.storage.rows.access import Access, Inventory
from workflows.storage.rows.case import Case
from workflows.storage.rows.stages import Stage
from workflows.storage.rows.work_state import WorkState
from workflows.systems.registry import System


def hold_reason(context: Context, session: Session, case: Case, system: System, act: StageAct) -> str:
    """Return why a legal hold stops an act in a system; empty if it does not."""
    what = legal_holds.destroys(system, act)
    if not what:
        return ""
    hold = legal_holds.open_hold(session, context.vault, case)
    if hold is None and not legal_holds.is_recorded(context, session, case.id):
        return ""
    return join("; ", (legal_holds.words(hold, context.clock.now()), what))


def not_yet(session: Session, case: Case, row: Stage, system: System, now: datetime) -> str:
    """Return why a system's part has not come yet: its accounts are not read, or its lock-out has not begun."""
    row_id = f"{case.id}:{system.name}"
    if row.name == AT_NOTICE and case.effective_at > now:
        inventory = session.get(Inventory, row_id)
        waits = inventory is not None and inventory.done_at is None and inventory.state != WorkState.DONE
        return _("the accounts there have not been read yet") if waits else ""
    access = session.get(Access, row_id)
    waits = access is not None and access.state == WorkState.DUE and not access.attempt and access.read_at is None
    return _("the lock-out there has not begun yet") if waits else ""


def first(context: Context, case_id: str, system: System, act: StageAct) -> str:
    """Return what the case must do or keep before an act, by the effects that the connector declares."""
    contract_act = CONTRACT_ACTS.get(act)
    reasons: Sequence[str] = comes_first(context, case_id, system, contract_act) if contract_act else ()
    return join("; ", reasons)
