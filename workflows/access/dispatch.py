"""Handlers of lock-outs: one case at a time, its systems side by side, each system with its own threads.

The engine's record costs more than a lock-out's own rows, so a whole case is one piece of the engine's work. A piece
that ends early by an error leaves its other rows due. The reconciler hands them over again, as after a crash.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import wait
from functools import partial

import sqlalchemy as sa

from workflows.access.lockout_record import ACCESS, CASES
from workflows.access.lockout_start import SystemLockout
from workflows.access.system_lockout import SystemLockouts
from workflows.context import Context
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.work_state import WorkState
from workflows.systems.thread_pools import PLANNED, URGENT, ThreadPools

FRESH_SECONDS = 1.0
"""Seconds for which the rows that a case's first lock-out read stay valid for the other lock-outs."""
DUE = (
    sa.select(ACCESS.c.id, ACCESS.c.system, CASES.c.immediate)
    .join(CASES, ACCESS.c.case_id == CASES.c.id)
    .where(
        sa.or_(
            sa.and_(ACCESS.c.state == WorkState.DUE, ACCESS.c.due_at <= sa.bindparam("now")),
            CASES.c.state == CaseState.UNDONE,
        )
    )
)
"""Due rows, and the rows of an undone case: a lock-out that a kill cut short is restored again."""
OF_CASE, OF_ROW = DUE.where(ACCESS.c.case_id == sa.bindparam("id")), DUE.where(ACCESS.c.id == sa.bindparam("id"))


class LockoutDispatch:
    """Handlers of `lockout` (a case, first attempts) and `revoke` (one access, later attempts)."""

    def __init__(self, context: Context, lockouts: SystemLockouts) -> None:
        self._store, self._clock, self._lockouts = context.store, context.clock, lockouts
        self._pools = ThreadPools(context.systems.max_parallel)

    def case(self, case_id: str) -> None:
        """Lock one leaver out of every due system. Return when every system has answered or failed."""
        self._run_due(OF_CASE, case_id)

    def row(self, access_id: str) -> None:
        """Lock one leaver out of one system, if that is due."""
        self._run_due(OF_ROW, access_id)

    def backlog(self, system: str) -> int:
        """Return how many lock-outs wait for a free thread of the system."""
        return self._pools.backlog(system)

    def _run_due(self, query: sa.Select[str, str, bool], row_id: str) -> None:
        with self._store.read() as session:
            due = session.connection().execute(query, {"id": row_id, "now": self._clock.now()}).all()
        batch = _LockoutBatch(self._lockouts, [access_id for access_id, _system, _immediate in due])
        work = [
            self._pools.submit(system, partial(batch.carry_out, access_id), URGENT if immediate else PLANNED)
            for access_id, system, immediate in due
        ]
        wait(work)
        for future in work:
            future.result()


class _LockoutBatch:
    """Lock-outs of one case. The first that begins reads the rows of all."""

    def __init__(self, lockouts: SystemLockouts, rows: Sequence[str]) -> None:
        self._lockouts, self._rows = lockouts, rows
        self._read: dict[str, SystemLockout] = {}
        self._read_at: float | None = None
        self._lock = threading.Lock()

    def carry_out(self, row: str) -> None:
        """Carry out one access of the case, if it is still due."""
        lockout = self._take(row)
        if lockout is not None:
            self._lockouts.carry_out(lockout)

    def _take(self, row: str) -> SystemLockout | None:
        with self._lock:
            if self._read_at is None:
                self._read, self._read_at = self._lockouts.start.begin(self._rows), time.monotonic()
            elif time.monotonic() - self._read_at > FRESH_SECONDS:
                return self._lockouts.start.begin([row]).get(row)
            return self._read.pop(row, None)
