"""Days of stages, in the leaver's own time zone, and the rows of a case's stages as the case goes on."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.stages import AT_NOTICE, day_of
from workflows.stage_acts import StageAct
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.stages import Stage, StagePhase
from workflows.storage.rows.work_state import WorkState

CasePlan = Mapping[str, Sequence[StageAct]]
"""Acts of each stage, by its name."""
UNDOING = (CaseState.UNDONE, CaseState.CANCELLED)
"""Ends of a case that undo what its stages did. A closed case leaves everything as it is."""


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone, or UTC if this machine does not know it."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def day_later(at: datetime, days: int, zone: str) -> datetime:
    """Return the same local time so many days later, in UTC: a change of the clocks moves nothing."""
    return on_day(at, at.astimezone(zone_of(zone)).date() + timedelta(days=days), zone)


def on_day(at: datetime, day: date, zone: str) -> datetime:
    """Return the local time of day of `at` on another day, in UTC."""
    place = zone_of(zone)
    return datetime.combine(day, at.astimezone(place).time(), place).astimezone(UTC)


def planned_at(name: str, case: Case, zone: str) -> datetime:
    """Return the time of a stage by its name."""
    return case.opened_at if name == AT_NOTICE else day_later(case.effective_at, day_of(name), zone)


def create(session: Session, case: Case, stages: CasePlan, zone: str) -> None:
    """Add the stages of a new case, in the caller's transaction. Later settings do not change them."""
    for name, acts in stages.items():
        at = planned_at(name, case, zone)
        session.add(
            Stage(
                id=f"{case.id}:{name}",
                case_id=case.id,
                name=name,
                acts=json.dumps([*acts]),
                state=WorkState.DUE,
                planned_at=at,
                due_at=at,
            )
        )


def of_case(session: Session, case_id: str) -> list[Stage]:
    """Return the stages of a case, the earliest first."""
    return sorted(session.exec(select(Stage).where(Stage.case_id == case_id)), key=lambda row: day_of(row.name))


def acts_of(row: Stage) -> tuple[StageAct, ...]:
    """Return the acts of a stage in the order in which they are done."""
    named = json.loads(row.acts)
    return tuple(act for act in StageAct if act in named)


def reschedule(session: Session, case: Case, zone: str) -> None:
    """Move stages that have not begun with the case. A time that a person chose stays, if the lock-out is not later."""
    for row in of_case(session, case.id):
        open_row = row.state in (WorkState.DUE, WorkState.PLANNED) and row.begun_at is None
        kept = row.moved and row.planned_at >= case.effective_at
        if not open_row or kept or row.name == AT_NOTICE:
            continue
        row.planned_at = row.due_at = planned_at(row.name, case, zone)
        row.moved = False
        session.add(row)


def end(session: Session, case_id: str, state: CaseState) -> None:
    """End the stages with their case: none begins any more, and an undone or cancelled case undoes those that began.

    The newest of these carries the undo of all; the others wait for it.
    """
    leads = True
    for row in reversed(of_case(session, case_id)):
        if state in UNDOING and row.begun_at is not None:
            row.phase, row.done_at, row.due_at = StagePhase.UNDO, None, row.begun_at
            row.state = WorkState.DUE if leads else WorkState.PLANNED
            row.attempt += 1
            leads = False
        elif row.state in (WorkState.DUE, WorkState.PLANNED):
            row.state = WorkState.CANCELLED
        session.add(row)


def retry_undo(session: Session, case_id: str, now: datetime) -> list[tuple[str, int]]:
    """Make an unfinished undo due now; return row and attempt."""
    rows = session.exec(
        select(Stage).where(Stage.case_id == case_id, Stage.phase == StagePhase.UNDO, Stage.state == WorkState.DUE)
    ).all()
    for row in rows:
        if row.due_at > now:
            row.due_at, row.attempt = now, row.attempt + 1
            session.add(row)
    return [(row.id, row.attempt) for row in rows]


def wake(session: Session, case_ids: Sequence[str], now: datetime) -> None:
    """Make due now what waits after a first try, since its reason is gone."""
    session.execute(
        sa.update(Stage)
        .where(
            col(Stage.case_id).in_(case_ids),
            col(Stage.state) == WorkState.DUE,
            col(Stage.begun_at).is_not(None),
            col(Stage.due_at) > now,
        )
        .values(due_at=now, attempt=Stage.attempt + 1)
    )
