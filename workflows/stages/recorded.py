"""Stages as the marked entries of the journal have them: no act is done because of a row alone."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlmodel import Session

from config.stages import AT_NOTICE, day_of
from config.text import gettext_lazy
from workflows.context import Context
from workflows.stages.days import UNDOING, acts_of, day_later
from workflows.storage.rows.stages import Stage
from workflows.tampering import Act, Tampered, acts, last, recorded_state

MOVED, RUN_NOW, SKIPPED = "stage.moved", "stage.run_now", "stage.skipped"
DATED = ("case.opened", "case.rescheduled", "case.released")
"""Entries that give a case its time."""
NEVER = datetime.max.replace(tzinfo=UTC)


def require_stage(context: Context, session: Session, row: Stage, zone: str) -> None:
    """Raise `Tampered` unless the case was opened with this stage and these acts, nobody skipped it, and it is due."""
    found = acts(context, session, row.case_id, "case.%") + acts(context, session, row.case_id, "stage.%")
    opened = last(found, "case.opened")
    known = opened.data.get("stages", {}).get(row.name, []) if opened else []
    if set(known) != set(acts_of(row)):
        raise Tampered(gettext_lazy("the stage {stage} is not as the case was opened with", stage=row.name))
    own = [act for act in found if act.data.get("stage") == row.name]
    if last(own, SKIPPED):
        raise Tampered(gettext_lazy("the stage {stage} would be done, although somebody skipped it", stage=row.name))
    if _due(found, own, row.name, zone) > context.clock.now():
        raise Tampered(gettext_lazy("the stage {stage} would be done before its day", stage=row.name))


def require_undone(context: Context, session: Session, case_id: str) -> None:
    """Raise `Tampered` unless somebody undid or cancelled the case."""
    if recorded_state(context, session, case_id) not in UNDOING:
        raise Tampered(gettext_lazy("stages would be undone, and nobody undid the case"))


def _due(found: Sequence[Act], own: Sequence[Act], name: str, zone: str) -> datetime:
    """Return the time of a stage: as somebody moved it or had it run, else by the time of the case."""
    chosen = last(own, MOVED, RUN_NOW)
    dated = last(found, *DATED)
    at = _time(dated) if dated else NEVER
    if chosen is not None:
        chosen_at = chosen.at if chosen.action == RUN_NOW else datetime.fromisoformat(chosen.data["to"])
        if chosen.action == RUN_NOW or chosen_at >= at:
            return chosen_at
    opened = last(found, "case.opened")
    if name == AT_NOTICE and opened:
        return opened.at
    return at if at == NEVER else day_later(at, day_of(name), zone)


def _time(act: Act) -> datetime:
    return datetime.fromisoformat(act.data["to" if act.action == "case.rescheduled" else "effective_at"])
