"""Acts of people on a stage: move it, run it now, skip it. Each is on record, and done once if asked twice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

from sqlmodel import Session

from config.stages import AT_NOTICE
from config.text import _
from workflows.authorization import Right
from workflows.context import Context
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.stages import outcome
from workflows.stages.days import of_case, on_day
from workflows.stages.record import StageData
from workflows.stages.recorded import MOVED, RUN_NOW, SKIPPED
from workflows.stages.views import StageState
from workflows.storage.case import UNWATCHED, CaseData, read_case, refresh_case_message
from workflows.storage.journal import Personal
from workflows.storage.rows.case import Case
from workflows.storage.rows.stages import Stage, StagePhase
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import Task, again

Start = Callable[[str, str, int], None]
"""Starts work at once: task, row, attempt."""


class StageControl:
    """Moves, runs and skips stages."""

    def __init__(self, context: Context, start: Start) -> None:
        self._context, self._start = context, start

    def move(self, case_id: str, name: str, day: date, by: Actor) -> None:
        """Move a stage that has not begun to another day, at its local time of day.

        Raises `Refused`: UNKNOWN_STAGE, NOT_OPEN, STAGE_OVER, STAGE_BEGUN, PAST_TIME, STAGE_TOO_EARLY.
        """
        context, now = self._context, self._context.clock.now()
        by = context.authorization.require(Right.STAGE, by, case_id)
        with context.store.write() as session:
            row, case, data = self._open(session, case_id, name)
            at = on_day(row.planned_at if name == AT_NOTICE else case.effective_at, day, data.leaver.timezone)
            if at == row.planned_at:
                return  # a second click
            if row.begun_at is not None:
                raise Refused(Code.STAGE_BEGUN, stage=name)
            if at <= now:
                raise Refused(Code.PAST_TIME, at=at.isoformat())
            if name != AT_NOTICE and at < case.effective_at:
                raise Refused(Code.STAGE_TOO_EARLY, stage=name, at=case.effective_at.isoformat())
            old, row.planned_at, row.due_at, row.moved = row.planned_at, at, at, True
            row.attempt += 1
            session.add(row)
            moved = {"stage": name, "from": old.isoformat(), "to": at.isoformat()}
            context.journal.write(session, actor=by, action=MOVED, case_id=case_id, data=moved)
            outcome.clear(context, session, row)
            refresh_case_message(session, case_id)

    def run_now(self, case_id: str, name: str, by: Actor) -> None:
        """Run a stage now, before its day, or try it again. A stage that is due already is left alone.

        Raises `Refused`: UNKNOWN_STAGE, NOT_OPEN, STAGE_OVER, STAGE_TOO_EARLY.
        """
        context, now = self._context, self._context.clock.now()
        by = context.authorization.require(Right.STAGE, by, case_id)
        with context.store.write() as session:
            row, case, _data = self._open(session, case_id, name)
            if name != AT_NOTICE and case.effective_at > now:
                raise Refused(Code.STAGE_TOO_EARLY, stage=name, at=case.effective_at.isoformat())
            if row.due_at <= now:
                return  # a second click, or under way
            again(session, row, now)
            row.asked_by = by.id
            context.journal.write(session, actor=by, action=RUN_NOW, case_id=case_id, data={"stage": name})
            refresh_case_message(session, case_id)
            attempt = row.attempt
        self._start(Task.STAGE, f"{case_id}:{name}", attempt)

    def skip(self, case_id: str, name: str, by: Actor, reason: str) -> None:
        """Do no more of a stage. What was done of it stays.

        Raises `Refused`: UNKNOWN_STAGE, NOT_OPEN, STAGE_OVER, NEEDS_REASON.
        """
        context = self._context
        by = context.authorization.require(Right.STAGE, by, case_id)
        if not reason.strip():
            raise Refused(Code.NEEDS_REASON)
        with context.store.write() as session:
            row, case, _data = self._open(session, case_id, name)
            data = StageData.of(context.vault, case.wrapped_key, row)
            data = replace(data, skipped_by=by.name or by.id, skipped_why=reason.strip())
            row.sealed = data.seal(context.vault, case.wrapped_key, row.id)
            row.state, row.skipped_at, row.skipped_by = WorkState.CANCELLED, context.clock.now(), by.id
            session.add(row)
            said = {"stage": name, "by": Personal(by.name or by.id)}
            context.journal.write(session, actor=by, action=SKIPPED, case_id=case_id, data=said, sealed=row.sealed)
            outcome.clear(context, session, row)
            refresh_case_message(session, case_id)

    def _open(self, session: Session, case_id: str, name: str) -> tuple[Stage, Case, CaseData]:
        """Return a stage that is still to be done, with its case. Raises `Refused`."""
        case, data = read_case(session, self._context.vault, case_id)
        row = session.get(Stage, f"{case_id}:{name}", with_for_update=True)
        if row is None:
            known = ", ".join(one.name for one in of_case(session, case_id))
            raise Refused(Code.UNKNOWN_STAGE, stage=name, known=known)
        if case.state in UNWATCHED:
            raise Refused(Code.NOT_OPEN, case=case_id, state=case.state)
        if row.state in (WorkState.DONE, WorkState.CANCELLED) or row.phase != StagePhase.RUN:
            ended = StageState.CANCELLED if row.state == WorkState.CANCELLED else StageState.DONE
            raise Refused(Code.STAGE_OVER, stage=name, state=_(StageState.SKIPPED if row.skipped_at else ended))
        return row, case, data
