"""Undo of stages, after their case was undone or cancelled: newest stage first, and in it the last act first.

The newest stage that began carries the undo of all. In each system the older acts wait for the newer ones.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from datetime import datetime, timedelta
from functools import partial

from sqlmodel import Session

from config.text import _
from connectors.errors import ConnectorError
from workflows.context import Context
from workflows.stage_acts import ActHandler, ActResult, StageAct
from workflows.stages import outcome
from workflows.stages.days import acts_of, of_case
from workflows.stages.record import ActRecord, StageData
from workflows.stages.recorded import require_undone
from workflows.storage.case import read_case
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.case import Case
from workflows.storage.rows.stages import Stage, StagePhase
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again, finish, retry_at, say
from workflows.systems.accounts import PreconditionFailed
from workflows.tampering import Tampered, report

LEASE = timedelta(minutes=10)
"""Time after which an act without a result is taken for ended by a kill. Longer than any act's own time limits."""
Part = tuple[str, StageAct]
"""Row of a stage, and one of its acts."""


class StageUndo:
    """Carries out `Stage` rows in their second phase."""

    def __init__(self, context: Context, handlers: Mapping[StageAct, ActHandler]) -> None:
        self._context, self._handlers = context, handlers

    def run(self, row_id: str) -> None:
        """Undo all stages of a case that began. The row that carries this is the newest of them."""
        context, case_id = self._context, row_id.partition(":")[0]
        with context.store.read() as session:
            row = session.get_one(Stage, row_id)
            if row.state != WorkState.DUE or row.due_at > context.clock.now():
                return
            key = session.get_one(Case, case_id).wrapped_key
            rows = [one for one in reversed(of_case(session, case_id)) if one.phase == StagePhase.UNDO]
            left = self._left(rows, key)
        try:
            with context.store.read() as session:
                require_undone(context, session, case_id)
        except Tampered as tampered:
            report(context, case_id, "", tampered.sentence, "stage")
            self._postpone(row_id)
            return
        errors = self._in_every_system(case_id, left)
        self._settle(row_id, case_id, errors)

    def _left(self, rows: Sequence[Stage], key: bytes) -> dict[str, list[Part]]:
        """Return what is to undo in each system, in the order of the undo."""
        found: dict[str, list[Part]] = {}
        for row in rows:
            data = StageData.of(self._context.vault, key, row)
            for act in reversed(acts_of(row)):
                for system, record in data.results.get(act, {}).items():
                    if record.touched and not record.is_undone:
                        found.setdefault(system, []).append((row.id, act))
        return found

    def _in_every_system(self, case_id: str, left: Mapping[str, Sequence[Part]]) -> list[ConnectorError]:
        errors: list[ConnectorError] = []
        if not left:
            return errors
        with ThreadPoolExecutor(max_workers=len(left), thread_name_prefix="stage") as pool:
            work = [
                pool.submit(copy_context().run, self._in_system, case_id, system, parts, errors)
                for system, parts in left.items()
            ]
            wait(work)
        for future in work:
            future.result()
        return errors

    def _in_system(self, case_id: str, name: str, parts: Sequence[Part], errors: list[ConnectorError]) -> None:
        for row_id, act in parts:
            if self._is_under_way(row_id, act, name):
                why = _("the act is still under way there; it is undone after it")
                self._record(row_id, act, name, partial(_still_under_way, why=why))
                return
            result = self._undo(case_id, name, act, errors)
            self._record(row_id, act, name, partial(_tried, result=result, now=self._context.clock.now()))
            if result.problem:
                return

    def _undo(self, case_id: str, name: str, act: StageAct, errors: list[ConnectorError]) -> ActResult:
        system, handler = self._context.systems.get(name), self._handlers.get(act)
        if system is None or handler is None:
            return ActResult(problem=_("this system, or this act, is not configured any more"), waits=True)
        try:
            return handler.undo(case_id, system)
        except ConnectorError as error:
            errors.append(error)
            return ActResult(problem=say(error))
        except PreconditionFailed as failed:
            return ActResult(problem=failed.sentence.words, waits=True)

    def _is_under_way(self, row_id: str, act: StageAct, system: str) -> bool:
        context = self._context
        with context.store.read() as session:
            row = session.get_one(Stage, row_id)
            key = session.get_one(Case, row.case_id).wrapped_key
            begun = StageData.of(context.vault, key, row).of_act(act, system).begun_at
        return bool(begun) and datetime.fromisoformat(begun) > context.clock.now() - LEASE

    def _record(self, row_id: str, act: StageAct, system: str, change: Callable[[ActRecord], ActRecord]) -> None:
        context = self._context

        def write(session: Session) -> None:
            row = session.get_one(Stage, row_id, with_for_update=True)
            key = session.get_one(Case, row.case_id).wrapped_key
            data = StageData.of(context.vault, key, row)
            record = change(data.of_act(act, system))
            row.sealed = data.having(act, system, record).seal(context.vault, key, row_id)
            session.add(row)
            said = {"stage": row.name, "act": act, "system": system, "complete": record.is_undone}
            context.journal.write(
                session, actor=HANDOVER, action="stage.act_undone", case_id=row.case_id, data=said, sealed=row.sealed
            )

        context.store.group_write(write, row_id.partition(":")[0])

    def _settle(self, row_id: str, case_id: str, errors: Sequence[ConnectorError]) -> None:
        context, now = self._context, self._context.clock.now()
        with context.store.write() as session:
            leader = session.get_one(Stage, row_id, with_for_update=True)
            case, people = read_case(session, context.vault, case_id)
            rows = [one for one in of_case(session, case_id) if one.phase == StagePhase.UNDO]
            left = bool(self._left(rows, case.wrapped_key))
            if left:
                again(session, leader, retry_at(leader, next(iter(errors), None), now, context.retry))
            for row in rows if not left else ():
                row.done_at = now
                finish(session, row)
                outcome.clear(context, session, row)
            context.journal.write(
                session,
                actor=HANDOVER,
                action="stage.undo_tried" if left else "stage.undone",
                case_id=case_id,
                data={"stage": leader.name, "complete": not left},
                sealed=leader.sealed,
            )
            outcome.tell_undo(context, session, leader, people, complete=not left)

    def _postpone(self, row_id: str) -> None:
        with self._context.store.write() as session:
            row = session.get_one(Stage, row_id, with_for_update=True)
            again(session, row, self._context.clock.now() + self._context.retry)


def _still_under_way(record: ActRecord, why: str) -> ActRecord:
    return record.not_undone_yet(why)


def _tried(record: ActRecord, result: ActResult, now: datetime) -> ActRecord:
    return record.undoing(result, now)
