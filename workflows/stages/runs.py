"""Work of stages: all acts of one stage in all systems at once, each read back and recorded by itself.

One `Stage` row is one stage of one case. A record is written before each act and after it, so that a kill loses
nothing, and an undo knows what began. A second run does only what is not complete. A system that does not answer leaves
its own part to the next try. Within one system, an act waits for the one before it.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import Session

from config.stages import AT_NOTICE
from config.text import _
from connectors.errors import ConnectorError
from workflows.context import Context
from workflows.stage_acts import ActHandler, ActResult, StageAct
from workflows.stages import outcome, preconditions
from workflows.stages.days import acts_of, of_case
from workflows.stages.record import ActRecord, StageData
from workflows.stages.recorded import require_stage
from workflows.stages.undoing import StageUndo
from workflows.stages.views import act_words
from workflows.storage.case import UNWATCHED, read_case
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.stages import Stage, StagePhase
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again, finish, retry_at, say
from workflows.systems.accounts import PreconditionFailed
from workflows.systems.registry import System
from workflows.tampering import Tampered, report

HELD_FOR = timedelta(days=1)
"""Time between two looks at what only a legal hold stops. The end of the hold makes it due at once."""


@dataclass(frozen=True, slots=True)
class Job:
    """One try of a stage."""

    row_id: str
    case_id: str
    acts: tuple[StageAct, ...]
    data: StageData


class StageRuns:
    """Carries out `Stage` rows."""

    def __init__(self, context: Context, handlers: Sequence[ActHandler]) -> None:
        """Take `handlers`, one for each act that some system may offer."""
        self._context = context
        self._handlers: Mapping[StageAct, ActHandler] = {one.act: one for one in handlers}
        self._undo = StageUndo(context, self._handlers)

    def run(self, row_id: str) -> None:
        """Do what is due of a stage. A row that is not due is left alone, so a doubled call does nothing."""
        with self._context.store.read() as session:
            phase = session.get_one(Stage, row_id).phase
        if phase == StagePhase.UNDO:
            self._undo.run(row_id)
            return
        try:
            job = self._begin(row_id)
        except Tampered as tampered:
            case_id = row_id.partition(":")[0]
            report(self._context, case_id, "", tampered.sentence, "stage")
            self._postpone(row_id)
            return
        if job is None:
            return
        errors = self._in_every_system(job)
        self._settle(job, errors)

    def _begin(self, row_id: str) -> Job | None:
        """Return what is to do, with the beginning on record; None if nothing is due."""
        context, now, case_id = self._context, self._context.clock.now(), row_id.partition(":")[0]

        def begin(session: Session) -> Job | None:
            row = session.get_one(Stage, row_id, with_for_update=True)
            case, data = read_case(session, context.vault, case_id)
            if row.state != WorkState.DUE or row.due_at > now or not _is_due(session, row, case):
                return None
            if row.name != AT_NOTICE and case.effective_at > now:
                row.due_at = max(case.effective_at, row.planned_at)
                session.add(row)
                return None
            require_stage(context, session, row, data.leaver.timezone)
            row.begun_at = row.begun_at or now
            session.add(row)
            return Job(row_id, case_id, acts_of(row), StageData.of(context.vault, case.wrapped_key, row))

        return context.store.group_write(begin, case_id)

    def _postpone(self, row_id: str) -> None:
        with self._context.store.write() as session:
            row = session.get_one(Stage, row_id, with_for_update=True)
            if row.state == WorkState.DUE:
                again(session, row, self._context.clock.now() + self._context.retry)

    def _in_every_system(self, job: Job) -> list[ConnectorError]:
        """Do the acts in all systems at once; return the errors of those that did not answer."""
        errors: list[ConnectorError] = []
        systems = [one for one in self._context.systems.values() if self._offered(job, one)]
        if len(systems) < 2:  # noqa: PLR2004 - one system needs no further thread
            for system in systems:
                self._in_system(job, system, errors)
            return errors
        with ThreadPoolExecutor(max_workers=len(systems), thread_name_prefix="stage") as pool:
            work = [pool.submit(copy_context().run, self._in_system, job, one, errors) for one in systems]
            wait(work)
        for future in work:
            future.result()
        return errors

    def _offered(self, job: Job, system: System) -> list[tuple[StageAct, ActHandler]]:
        """Return the acts of a stage that a system offers, with their handlers."""
        handlers = ((act, self._handlers[act]) for act in job.acts if act in self._handlers)
        return [(act, handler) for act, handler in handlers if handler.applies(system)]

    def _in_system(self, job: Job, system: System, errors: list[ConnectorError]) -> None:
        before: StageAct | None = None
        for act, handler in self._offered(job, system):
            if job.data.of_act(act, system.name).complete:
                continue
            if before is not None:
                self._waits(job, act, system, _("{act} comes first there").format(act=act_words(before)))
                continue
            result = self._try(job, act, handler, system, errors)
            if result is None:
                return
            before = act if result.problem else None

    def _try(
        self, job: Job, act: StageAct, handler: ActHandler, system: System, errors: list[ConnectorError]
    ) -> ActResult | None:
        """Do one act in one system, and record it; None if the stage was ended meanwhile."""
        clock = self._context.clock
        if first := preconditions.first(self._context, job.case_id, system, act):
            return self._waits(job, act, system, first)
        refused = self._begin_act(job, act, system)
        if refused is None:
            return None
        if refused:
            return self._waits(job, act, system, refused)
        try:
            result = handler.run(job.case_id, system)
        except ConnectorError as error:
            errors.append(error)
            result = ActResult(problem=say(error))
        except PreconditionFailed as failed:
            result = ActResult(problem=failed.sentence.words, waits=True)
        self._record(job, act, system, lambda one: one.ended(result, clock.now()), result)
        return result

    def _waits(self, job: Job, act: StageAct, system: System, why: str) -> ActResult:
        self._record(job, act, system, lambda one: one.waiting(why, self._context.clock.now()))
        return ActResult(problem=why, waits=True)

    def _begin_act(self, job: Job, act: StageAct, system: System) -> str | None:
        """Record that an act begins; return why it must not, or None if the stage was ended meanwhile.

        The case and its hold are read in the same transaction: what is set in the middle of a stage stops the rest.
        """
        context = self._context

        def begin(session: Session) -> str | None:
            row = session.get_one(Stage, job.row_id, with_for_update=True)
            case, _data = read_case(session, context.vault, job.case_id)
            if row.state != WorkState.DUE or row.phase != StagePhase.RUN or case.state in UNWATCHED:
                return None
            why = preconditions.not_yet(session, case, row, system, context.clock.now())
            why = why or preconditions.hold_reason(context, session, case, system, act)
            if not why:
                _change(context, session, row, case, act, system, lambda one: one.beginning(context.clock.now()))
            return why

        return context.store.group_write(begin, job.case_id)

    def _record(
        self,
        job: Job,
        act: StageAct,
        system: System,
        change: Callable[[ActRecord], ActRecord],
        result: ActResult | None = None,
    ) -> None:
        context = self._context

        def write(session: Session) -> None:
            row = session.get_one(Stage, job.row_id, with_for_update=True)
            _change(context, session, row, session.get_one(Case, job.case_id), act, system, change)
            if result is not None:
                said = {"stage": row.name, "act": act, "system": system.name, "complete": not result.problem}
                context.journal.write(
                    session, actor=HANDOVER, action="stage.act", case_id=job.case_id, data=said, sealed=row.sealed
                )

        context.store.group_write(write, job.case_id)

    def _settle(self, job: Job, errors: Sequence[ConnectorError]) -> None:
        """Finish the stage, or plan its next try; tell people."""
        context, now = self._context, self._context.clock.now()

        def settle(session: Session) -> None:
            row = session.get_one(Stage, job.row_id, with_for_update=True)
            if row.state != WorkState.DUE or row.phase != StagePhase.RUN:
                return
            case, people = read_case(session, context.vault, job.case_id)
            data = StageData.of(context.vault, case.wrapped_key, row)
            left = {
                (act, system.name): data.of_act(act, system.name)
                for system in context.systems.values()
                for act, _handler in self._offered(job, system)
                if not data.of_act(act, system.name).complete
            }
            if left:
                held = all(self._is_held(session, case, system, act) for act, system in left)
                worst = next(iter(errors), None)
                due = now + HELD_FOR if held else retry_at(row, worst, now, context.retry)
                again(session, row, due)
            else:
                held, row.done_at = False, now
                finish(session, row)
            context.journal.write(
                session,
                actor=HANDOVER,
                action="stage.tried" if left else "stage.done",
                case_id=case.id,
                data={"stage": row.name, "complete": not left},
                sealed=row.sealed,
            )
            outcome.tell(context, session, row, people, left, held=held)

        context.store.group_write(settle, job.case_id)

    def _is_held(self, session: Session, case: Case, system: str, act: StageAct) -> bool:
        return bool(preconditions.hold_reason(self._context, session, case, self._context.systems[system], act))


def _is_due(session: Session, row: Stage, case: Case) -> bool:
    """Return whether a stage is still to be done. The row follows a held or ended case."""
    if case.state == CaseState.HELD:
        row.state = WorkState.PLANNED
    elif case.state in UNWATCHED:
        row.state = WorkState.CANCELLED
    session.add(row)
    return row.state == WorkState.DUE


def _change(
    context: Context,
    session: Session,
    row: Stage,
    case: Case,
    act: StageAct,
    system: System,
    change: Callable[[ActRecord], ActRecord],
) -> None:
    """Change the record of one act in one system, in the caller's transaction."""
    data = StageData.of(context.vault, case.wrapped_key, row)
    record = change(data.of_act(act, system.name))
    row.sealed = data.having(act, system.name, record).seal(context.vault, case.wrapped_key, row.id)
    if row.phase == StagePhase.UNDO and record.touched and not record.begun_at:  # undone while the act was under way
        _undo_again(session, row, context)
    session.add(row)


def _undo_again(session: Session, row: Stage, context: Context) -> None:
    """Make the undo of a case due again, since an act ended after it."""
    for one in reversed(of_case(session, row.case_id)):
        if one.phase == StagePhase.UNDO:
            one.done_at = None
            again(session, one, context.clock.now())
            return
