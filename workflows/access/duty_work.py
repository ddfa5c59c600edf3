"""Carrying out of decisions on duties: read, image, write, read back; and putting back, once the case is over.

One `DutyDecision` row is one duty. The before-image is stored before the write, so that a kill at any point loses
nothing. A duty that the system does not let anybody change is read once a day until a person has done it there.
"""

import logging
from dataclasses import replace
from datetime import timedelta

from config.text import stored
from connectors.errors import ConnectorError
from workflows.access.duty_carrier import Attempt, Carrier, Superseded, ToDo, held
from workflows.access.duty_rows import (
    CARRIED,
    OVER,
    RULED,
    DecisionData,
    blinds,
    entries,
    recorded_day,
    require_decided,
    require_over,
)
from workflows.access.duty_rows import write_entry as write
from workflows.access.observation import MALFORMED, malformed
from workflows.context import Context
from workflows.storage.case import read_case, refresh_case_message
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.duties import DutyChoice, DutyDecision
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again, finish, retry_at, say
from workflows.systems.accounts import PreconditionFailed
from workflows.systems.registry import System
from workflows.tampering import Tampered, report

log = logging.getLogger(__name__)
DAY = timedelta(days=1)
PATIENCE = 12
"""Tries after which a duty is tried once a day."""
AHEAD = timedelta(minutes=15)
"""Time before the lock-out at which a duty changes where the lock blinds the list."""


class DutyWork:
    """Carries out `DutyDecision` rows."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def run(self, row_id: str) -> None:
        """Carry out one decision, read, record. A row that is not due is left alone: a doubled call does nothing."""
        try:
            attempt = self._begin(row_id)
            if attempt is not None:
                self._attempt(attempt)
        except Superseded:
            log.info("duty %s: the attempt was superseded", row_id)

    def _attempt(self, attempt: Attempt) -> None:
        row = attempt.row
        failed: Exception | None = None
        try:
            if not self._allowed(attempt):
                return
            data = Carrier(self._context, attempt).carry()
        except Tampered as tampered:
            report(self._context, row.case_id, row.system, tampered.sentence, "duties")
            with self._context.store.write() as session:
                again(session, session.get_one(DutyDecision, row.id), self._context.clock.now() + self._context.retry)
            return
        except ToDo as todo:
            failed, data = todo, replace(self._now(row.id), problem=todo.sentence.stored, by_hand=todo.hand)
        except PreconditionFailed as error:
            failed, data = error, replace(self._now(row.id), problem=error.sentence.stored)
        except ConnectorError as error:
            failed, data = error, replace(self._now(row.id), problem=stored(say(error)))
        except MALFORMED as error:
            failed, data = error, replace(self._now(row.id), problem=stored(malformed(error)))
        self._settle(attempt, data, failed)

    def _begin(self, row_id: str) -> Attempt | None:
        now = self._context.clock.now()
        with self._context.store.write() as session:
            row = session.get_one(DutyDecision, row_id, with_for_update=True)
            if row.state != WorkState.DUE or row.due_at > now:
                return None
            case, people = read_case(session, self._context.vault, row.case_id)
            if case.state == CaseState.HELD:
                row.state = WorkState.PLANNED
            elif case.state in (CaseState.CLOSED, CaseState.ON_LEAVE):
                row.state = WorkState.CANCELLED
            session.add(row)
            if row.state != WorkState.DUE:
                return None
            try:
                data = DecisionData.of(self._context.vault, case.wrapped_key, row)
            except Tampered as tampered:
                sentence = tampered.sentence
                again(session, row, now + self._context.retry)
            else:
                return Attempt(DutyDecision(**row.model_dump()), case, people, data)
        report(self._context, row.case_id, row.system, sentence, "duties")
        return None

    def _allowed(self, attempt: Attempt) -> bool:
        """Return whether the time has come, by the marked entries; else wait for it. Raises `Tampered`."""
        context, row, case = self._context, attempt.row, attempt.case
        with context.store.read() as session:
            require_decided(context, session, row, attempt.data)
            if case.state in OVER:
                require_over(context, session, case.id)
            early = any(act.action == RULED for act in entries(context, session, row))
            day = recorded_day(context, session, case.id)
        free = case.state in OVER or early or bool(attempt.data.image) or attempt.data.choice == DutyChoice.KEEP
        if free or day is None or context.clock.now() >= day - AHEAD:
            return True
        with context.store.write() as session:
            again(session, session.get_one(DutyDecision, row.id), day)
        return False

    def _now(self, row_id: str) -> DecisionData:
        """Return the data as it is stored: an image may have been stored since the attempt began."""
        with self._context.store.read() as session:
            row = session.get_one(DutyDecision, row_id)
            return DecisionData.of(self._context.vault, session.get_one(Case, row.case_id).wrapped_key, row)

    def _settle(self, attempt: Attempt, data: DecisionData, failed: Exception | None) -> None:
        context, now = self._context, self._context.clock.now()
        with context.store.write() as session:
            row = held(session, attempt)
            over = session.get_one(Case, row.case_id).state in OVER
            if over != (attempt.case.state in OVER):  # undone meanwhile: what was changed is put back
                again(session, row, now)
            elif failed is None:
                row.done_at = now
                finish(session, row)
            else:
                patient = row.attempt >= PATIENCE or isinstance(failed, ToDo)
                again(session, row, now + DAY if patient else retry_at(row, failed, now, context.retry))
            write(context, session, row, data, CARRIED, HANDOVER, complete=failed is None)
            refresh_case_message(session, row.case_id)


def lead(system: System | None, case: Case) -> timedelta:
    """Return how long before the case's time a duty changes: not at all, unless the lock blinds the list."""
    return AHEAD if system and blinds(system) and not case.immediate else timedelta()
