"""Lock-outs as the engine carries them: a case at a time, its systems side by side, each system at its own width.

The engine's record costs more than a lock-out's own rows do (measured: 6 ms of processor time a piece), so a whole case
is one piece of its work. A piece that ends early by an error leaves its other rows to the clock, as any crash does.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import wait

from sqlmodel import Session, col, select

from workflows.access.system_lockout import SystemLockout, SystemLockouts
from workflows.context import Context
from workflows.storage.rows.access import Access
from workflows.storage.rows.case import Case
from workflows.storage.rows.work_state import WorkState
from workflows.systems.thread_pools import PLANNED, URGENT, ThreadPools

FRESH_SECONDS = 1.0
"""How long what was read of a case as its first lock-out began is good for the others."""


class LockoutDispatch:
    """Handlers of `lockout` (a case, first attempts) and `revoke` (one access, later attempts)."""

    def __init__(self, context: Context, revocation: SystemLockouts) -> None:
        self._store, self._clock, self._revocation = context.store, context.clock, revocation
        self._lanes = ThreadPools(context.systems.max_parallel)

    def case(self, case_id: str) -> None:
        """Lock one leaver out everywhere that is due; return when every system has answered, or failed to."""
        self._run_due(Access.case_id == case_id)

    def row(self, access_id: str) -> None:
        """Lock one leaver out of one system, if that is due."""
        self._run_due(Access.id == access_id)

    def _run_due(self, which: bool) -> None:
        with self._store.read() as session:
            rows = self._due(session, which)
        batch = _LockoutBatch(self._revocation, [row.id for row, _ in rows])
        work = [
            self._lanes.submit(row.system, _QueuedLockout(batch, row.id), URGENT if immediate else PLANNED)
            for row, immediate in rows
        ]
        wait(work)
        for one in work:
            one.result()

    def _due(self, session: Session, which: bool) -> Sequence[tuple[Access, bool]]:
        query = (
            select(Access, col(Case.immediate))
            .join(Case, col(Access.case_id) == col(Case.id))
            .where(which, Access.state == WorkState.DUE, col(Access.due_at) <= self._clock.now())
        )
        return session.exec(query).all()


class _LockoutBatch:
    """What the lock-outs of one case need to know, read together by the first that begins."""

    def __init__(self, revocation: SystemLockouts, rows: Sequence[str]) -> None:
        self.revocation, self._rows = revocation, rows
        self._jobs: dict[str, SystemLockout] = {}
        self._at = 0.0
        self._lock = threading.Lock()

    def take(self, row: str) -> SystemLockout | None:
        """Return the job of a row, read within the second; None: there is nothing to do any more."""
        with self._lock:
            if not self._at:
                self._jobs, self._at = self.revocation.begin(self._rows), time.monotonic()
            elif time.monotonic() - self._at > FRESH_SECONDS:
                return self.revocation.begin([row]).get(row)
            return self._jobs.pop(row, None)


class _QueuedLockout:
    """One access, to be carried out once its lane is free."""

    def __init__(self, batch: _LockoutBatch, row: str) -> None:
        self._briefing, self._row = batch, row

    def __call__(self) -> None:
        job = self._briefing.take(self._row)
        if job is not None:
            self._briefing.revocation.carry_out(job)
