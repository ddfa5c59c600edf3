"""Reading of a case's stages for people. What was not done is never shown as done."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session

from config.text import shown
from workflows.context import Context
from workflows.stage_acts import ActHandler, StageAct
from workflows.stages import legal_holds
from workflows.stages.days import CasePlan, acts_of, of_case
from workflows.stages.record import ActRecord, StageData
from workflows.stages.views import ActLine, ActSystemLine, StageLine, StageList, StageState, stage_words
from workflows.storage.case import read_case
from workflows.storage.rows.case import Case
from workflows.storage.rows.stages import Stage, StagePhase
from workflows.storage.rows.work_state import WorkState


class StageReading:
    """Reads stages and holds."""

    def __init__(self, context: Context, handlers: Sequence[ActHandler]) -> None:
        self._context = context
        self._handlers: Mapping[StageAct, ActHandler] = {one.act: one for one in handlers}

    def offered(self, stages: CasePlan) -> CasePlan:
        """Return the stages with only those acts that a system offers. Asks no system."""
        every = [*self._context.systems.values()]
        able = {act for act, handler in self._handlers.items() if any(map(handler.applies, every))}
        kept = {name: tuple(act for act in acts if act in able) for name, acts in stages.items()}
        return {name: acts for name, acts in kept.items() if acts}

    def of_case(self, case_id: str) -> StageList:
        """Return the stages of a case with its legal holds. Raises `Refused(UNKNOWN_CASE)`."""
        with self._context.store.read() as session:
            case, _data = read_case(session, self._context.vault, case_id)
            return self.view(session, case)

    def view(self, session: Session, case: Case) -> StageList:
        """Do as `of_case`, in the caller's session."""
        vault = self._context.vault
        return StageList(
            case.id,
            tuple(self._line(row, case) for row in of_case(session, case.id)),
            legal_holds.open_hold(session, vault, case),
            legal_holds.ended_holds(session, vault, case.id),
        )

    def _line(self, row: Stage, case: Case) -> StageLine:
        data, now = StageData.of(self._context.vault, case.wrapped_key, row), self._context.clock.now()
        acts = tuple(ActLine(act, self._systems(act, data)) for act in acts_of(row))
        waiting = row.state == WorkState.DUE and row.due_at > now
        return StageLine(
            row.name,
            state_of(row, acts, now),
            row.planned_at,
            acts,
            row.due_at if waiting and row.begun_at else None,
            row.done_at,
            row.moved,
            data.skipped_by,
            row.skipped_at,
            data.skipped_why,
        )

    def _systems(self, act: StageAct, data: StageData) -> tuple[ActSystemLine, ...]:
        handler = self._handlers.get(act)
        offering = [one.name for one in self._context.systems.values() if handler and handler.applies(one)]
        known = dict.fromkeys((*offering, *data.results.get(act, {})))
        return tuple(self._system(name, data.of_act(act, name)) for name in known)

    def _system(self, name: str, record: ActRecord) -> ActSystemLine:
        system = self._context.systems.get(name)
        return ActSystemLine(
            name,
            system.manifest.title if system else name,
            record.complete,
            tuple(map(shown, record.done)),
            shown(record.problem),
            record.waits,
            tuple(map(shown, record.undone)),
            shown(record.not_undone),
        )


class ReclaimingStage:
    """Tells the stage that reclaims licences, so that a lock-out leaves groups to it."""

    def __init__(self, context: Context, stages: CasePlan) -> None:
        self._context, self._stages = context, stages

    def of(self, case_id: str, system: str) -> str:  # noqa: ARG002 - the stages are the same in every system
        """Return the stage of a case as people call it, or of the settings without a case. Empty: none is to come."""
        act = StageAct.RECLAIM_LICENCES
        if not case_id:
            return next((stage_words(name) for name, acts in self._stages.items() if act in acts), "")
        with self._context.store.read() as session:
            coming = [row for row in of_case(session, case_id) if row.state in (WorkState.DUE, WorkState.PLANNED)]
        return next((stage_words(row.name) for row in coming if act in acts_of(row)), "")


def state_of(row: Stage, acts: Sequence[ActLine], now: datetime) -> StageState:
    """Return the state of a stage as people read it. Pure."""
    parts = [line for one in acts for line in one.systems]
    if row.phase == StagePhase.UNDO:
        left = any(line.not_undone for line in parts)
        undone = row.state == WorkState.DONE
        return StageState.UNDONE if undone else StageState.NOT_UNDONE if left else StageState.UNDOING
    if row.state == WorkState.CANCELLED:
        return StageState.CANCELLED if row.skipped_at is None else StageState.SKIPPED
    problems = [line for line in parts if line.problem]
    if row.state == WorkState.DONE:
        if any(not line.complete for line in problems):  # in a system that is no longer in the settings
            return StageState.NOT_DONE
        return StageState.DONE if any(line.complete for line in parts) else StageState.NOTHING
    if problems:
        return StageState.WAITS if all(line.waits for line in problems) else StageState.NOT_DONE
    ahead = row.begun_at is None and (row.due_at > now or row.state == WorkState.PLANNED)
    return StageState.PLANNED if ahead else StageState.WORKING
